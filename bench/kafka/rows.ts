// The questions that are asked of both brokers, and what Millrace must reach.

export type Target =
  /** The value itself must be at most this. */
  | { readonly atMost: number }
  /** Millrace's value divided by Kafka's must be at least, or at most, this. */
  | { readonly ratioAtLeast: number }
  | { readonly ratioAtMost: number }
  /** The value, a share of the machine's own floor, must be at least this. */
  | { readonly atLeast: number }

export type Row = { readonly id: string; readonly title: string; readonly unit: string; readonly target: Target; readonly millraceOnly?: boolean }

export const ROWS: readonly Row[] = [
  { id: 'produce-cpu-100', title: 'broker CPU per GB produced, 100 B records', unit: 'CPU-s/GB', target: { atMost: 1.6 } },
  { id: 'produce-cpu-1000', title: 'broker CPU per GB produced, 1 KB records', unit: 'CPU-s/GB', target: { atMost: 0.9 } },
  { id: 'produce-cpu-10000', title: 'broker CPU per GB produced, 10 KB records', unit: 'CPU-s/GB', target: { atMost: 0.6 } },
  { id: 'consume-cpu-100', title: 'broker CPU per GB consumed, 100 B records', unit: 'CPU-s/GB', target: { atMost: 0.4 } },
  { id: 'consume-cpu-1000', title: 'broker CPU per GB consumed, 1 KB records', unit: 'CPU-s/GB', target: { atMost: 0.25 } },
  { id: 'consume-cpu-10000', title: 'broker CPU per GB consumed, 10 KB records', unit: 'CPU-s/GB', target: { atMost: 0.2 } },
  { id: 'raw-16', title: 'raw produce, 16 connections, 16 KB batches', unit: 'MB/s', target: { ratioAtLeast: 4 } },
  { id: 'raw-1000', title: 'raw produce, 1,000 connections, 1 KB batches', unit: 'MB/s', target: { ratioAtLeast: 4 } },
  { id: 'floor-append', title: "raw produce as a share of this machine's floor (receive, CRC, write)", unit: '%', target: { atLeast: 80 } },
  { id: 'floor-fetch', title: "raw fetch as a share of this machine's floor (file to socket)", unit: '%', target: { atLeast: 90 } },
  { id: 'latency-p99', title: 'p99 of produce at 20,000 records/s, 6 partitions, acks=all', unit: 'ms', target: { ratioAtMost: 1 / 3 } },
  { id: 'latency-p999', title: 'p99.9 of the same', unit: 'ms', target: { ratioAtMost: 1 / 3 } },
  { id: 'end-to-end-p99', title: 'p99 from producer to consumer, same load', unit: 'ms', target: { ratioAtMost: 1 / 3 } },
  { id: 'memory-idle', title: 'resident memory, idle', unit: 'MB', target: { atMost: 80 } },
  { id: 'memory-loaded', title: 'resident memory after the load above', unit: 'MB', target: { atMost: 160 } },
  { id: 'start', title: 'process start to first Metadata answer', unit: 's', target: { atMost: 0.3 } },
  { id: 'start-10000', title: 'the same with 10,000 partitions on disk after kill -9', unit: 's', target: { atMost: 1.5 } },
  { id: 'groups', title: 'group heartbeats and offset commits answered', unit: '/s', target: { ratioAtLeast: 2 } },
  { id: 'idempotent', title: 'broker CPU of idempotent produce, against plain', unit: '%', target: { atMost: 105 } },
  { id: 'transactional', title: 'produced in transactions of 100 ms, 1 KB records', unit: 'MB/CPU-s', target: { ratioAtLeast: 2 } },
  { id: 'compaction', title: 'log compacted, 10,000,000 keys written twice', unit: 'MB/CPU-s', target: { ratioAtLeast: 5 } },
  { id: 'rebalance-classic', title: 'group of 1,000 new members stable, classic protocol', unit: 's', target: { ratioAtMost: 1 / 2 } },
  { id: 'rebalance-consumer', title: 'the same, consumer protocol', unit: 's', target: { ratioAtMost: 1 / 2 } },
  { id: 'share', title: 'records taken and accepted in a share group', unit: '/CPU-s', target: { ratioAtLeast: 2 } },
  { id: 'memory-10000', title: 'resident memory with 10,000 partitions written round-robin', unit: 'MB', target: { ratioAtMost: 1 / 4 } },
  { id: 'memory-5000', title: 'resident memory with 5,000 idle connections', unit: 'MB', target: { ratioAtMost: 1 / 4 } },
  { id: 'cluster-cpu', title: 'three brokers: CPU of all per GB written and replicated twice, acks=all', unit: 'CPU-s/GB', target: { ratioAtMost: 1 / 4 } },
  { id: 'cluster-memory', title: 'three brokers: resident memory of all after that', unit: 'MB', target: { ratioAtMost: 1 / 6 } },
  { id: 'cluster-fail-over', title: 'three brokers: kill -9 to the first write, worst of 100 partitions', unit: 's', target: { ratioAtMost: 1 / 2 } },
  { id: 'cluster-create-10000', title: 'three brokers: 10,000 partitions x 3 created', unit: 's', target: { ratioAtMost: 1 / 2 } },
  { id: 'cluster-fail-over-10000', title: 'three brokers: kill -9 until each of these has a leader that serves it', unit: 's', target: { ratioAtMost: 1 / 2 } },
  { id: 'cluster-restart-10000', title: 'three brokers: start of the killed one until it is in every ISR', unit: 's', target: { ratioAtMost: 1 / 2 } },
]
