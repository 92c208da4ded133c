// The way of a decided transaction's markers to the leaders of its partitions: into the local log, or with WriteTxnMarkers
// to another broker. Who leads is looked up for each attempt, so that a retry follows a leader that moved.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import { KafkaError, errorName } from '../protocol/error-codes.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { MarkerWriter } from '../transactions/marker-sender.ts'
import type { TopicPartition } from '../transactions/topic-partition.ts'
import { asKafkaError } from './error-responses.ts'
import { NodeBatches, byTopic } from './node-batches.ts'

export type MarkerRouterDeps = {
  readonly nodeId: number
  /** Partitions that this broker leads. */
  readonly local: MarkerWriter
  readonly interBroker: InterBroker
  /** -1 where nobody leads. */
  leaderOf(topic: string, partition: number): number
}

type Markers = NonNullable<Encodable<RequestOf<'WriteTxnMarkers'>>['markers']>
type Marker = TopicPartition & {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly commit: boolean
  readonly bumpsEpoch: boolean
  readonly resolve: () => void
  readonly reject: (error: KafkaError) => void
}

/** Answers wait for replicas, which nothing else shall wait for. */
const CHANNEL = 'markers'

export class MarkerRouter implements MarkerWriter {
  readonly #deps: MarkerRouterDeps
  readonly #batches: NodeBatches<Marker>

  constructor(deps: MarkerRouterDeps) {
    this.#deps = deps
    this.#batches = new NodeBatches({ subjectOf: ({ producerId }) => String(producerId), kindOf, send: (nodeId, markers) => this.#send(nodeId, markers) })
  }

  write(partition: TopicPartition, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    const leader = this.#deps.leaderOf(partition.topic, partition.partition)
    if (leader === this.#deps.nodeId) return this.#deps.local.write(partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch)
    if (leader < 0) return Promise.reject(new KafkaError('LEADER_NOT_AVAILABLE'))
    return new Promise((resolve, reject) => this.#batches.add(leader, { ...partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch, resolve, reject }))
  }

  async #send(nodeId: number, markers: readonly Marker[]): Promise<void> {
    try {
      const response = await this.#deps.interBroker.send(nodeId, 'WriteTxnMarkers', { markers: requested(markers) }, { channel: CHANNEL })
      const codes = codesOf(response)
      for (const marker of markers) {
        const code = codes.get(nameOf(marker))
        if (code === 0) marker.resolve()
        else marker.reject(code === undefined ? new KafkaError('UNKNOWN_SERVER_ERROR', `broker ${nodeId} said nothing of a marker`) : new KafkaError(errorName(code)))
      }
    } catch (error) {
      for (const marker of markers) marker.reject(asKafkaError(error))
    }
  }
}

function kindOf({ producerEpoch, coordinatorEpoch, commit, bumpsEpoch }: Marker): string {
  return `${producerEpoch}/${coordinatorEpoch}/${commit}/${bumpsEpoch}`
}

function nameOf({ producerId, topic, partition }: Pick<Marker, 'producerId' | 'topic' | 'partition'>): string {
  return `${producerId}/${topic}-${partition}`
}

/** One marker for each producer, with all its partitions. */
function requested(markers: readonly Marker[]): Markers {
  const byProducer = new Map<bigint, Marker[]>()
  for (const marker of markers) {
    const known = byProducer.get(marker.producerId)
    if (known === undefined) byProducer.set(marker.producerId, [marker])
    else known.push(marker)
  }
  return [...byProducer].map(([producerId, ofProducer]) => ({
    producerId,
    producerEpoch: ofProducer[0]?.producerEpoch ?? -1,
    transactionResult: ofProducer[0]?.commit ?? false,
    coordinatorEpoch: ofProducer[0]?.coordinatorEpoch ?? -1,
    transactionVersion: ofProducer[0]?.bumpsEpoch ? 2 : 0,
    topics: [...byTopic(ofProducer)].map(([name, partitionIndexes]) => ({ name, partitionIndexes })),
  }))
}

function codesOf({ markers }: ResponseOf<'WriteTxnMarkers'>): Map<string, number> {
  const codes = new Map<string, number>()
  for (const { producerId, topics } of markers) {
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, errorCode } of partitions) codes.set(nameOf({ producerId, topic: name, partition: partitionIndex }), errorCode)
    }
  }
  return codes
}
