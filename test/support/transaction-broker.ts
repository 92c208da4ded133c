// A transaction coordinator with its APIs, on a log and partitions in memory and a clock that moves when told.

import { partitionForKey } from '../../src/coordinator/key-partition.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRecord, decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import { errorCode } from '../../src/protocol/error-codes.ts'
import type { Records } from '../../src/protocol/messages.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { TRANSACTION_APIS, transactionHandlers } from '../../src/transactions/handlers.ts'
import type { MarkerWriter } from '../../src/transactions/marker-sender.ts'
import type { TopicPartition } from '../../src/transactions/topic-partition.ts'
import { TRANSACTION_STATE_TOPIC, TransactionCoordinator } from '../../src/transactions/transaction-coordinator.ts'
import { FakeCoordinatorLog } from './fake-coordinator-log.ts'
import { ManualClock } from './manual-clock.ts'

export const STATE_PARTITION_COUNT = 50

export type WrittenMarker = TopicPartition & { producerId: bigint; producerEpoch: number; coordinatorEpoch: number; commit: boolean }

/** Writes markers at once; a partition can be told to refuse or to hold them back. */
export class FakePartitions implements MarkerWriter {
  readonly markers: WrittenMarker[] = []
  readonly failures: Error[] = []
  #held: (() => void)[] | null = null

  hold(): void { this.#held = [] }

  release(): void {
    const held = this.#held ?? []
    this.#held = null
    for (const run of held) run()
  }

  async write(partition: TopicPartition, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean): Promise<void> {
    const held = this.#held
    if (held !== null) await new Promise<void>((resolve) => held.push(resolve))
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    this.markers.push({ ...partition, producerId, producerEpoch, coordinatorEpoch, commit })
  }
}

/** What outlives a crash: the log, the partitions and the ids that the controller gave out. */
export class Disk {
  readonly log = new FakeCoordinatorLog()
  readonly partitions = new FakePartitions()
  readonly topics = new Map<string, number>([[TRANSACTION_STATE_TOPIC, STATE_PARTITION_COUNT], ['__consumer_offsets', 50]])
  nextProducerId = 1000n
}

export class TransactionBroker {
  readonly disk: Disk
  readonly clock: ManualClock
  readonly coordinator: TransactionCoordinator
  readonly #handlers: ReturnType<typeof transactionHandlers>

  private constructor(disk: Disk, clock: ManualClock, blockSize: number) {
    this.disk = disk
    this.clock = clock
    disk.log.nowMs = () => clock.nowMs()
    const partitionCount = (topic: string): number | undefined => disk.topics.get(topic)
    this.coordinator = new TransactionCoordinator({
      log: disk.log,
      markers: disk.partitions,
      producerIdBlocks: {
        allocate: async () => {
          const first = disk.nextProducerId
          disk.nextProducerId += BigInt(blockSize)
          return { first, size: blockSize }
        },
      },
      settings: { transactionMaxTimeoutMs: 900_000, transactionalIdExpirationMs: 604_800_000, abortTimedOutIntervalMs: 10_000, removeExpiredIntervalMs: 3_600_000 },
      clock,
      timers: clock,
      logger: silentLogger,
      partitionCount,
    })
    this.#handlers = transactionHandlers({
      coordinator: this.coordinator,
      verifier: this.coordinator,
      offsets: {
        partitionFor: (groupId) => partitionForKey(groupId, 50),
        refuseTransactional: ({ topics }, _apiVersion, error) => ({
          topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCode(error) })) })),
        }),
        commitTransactional: async ({ topics }) => ({
          topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex })) })),
        }),
      },
      markers: disk.partitions,
      clock,
      partitionCount,
    })
  }

  /** A broker that has loaded whatever is on the disk. */
  static async start(disk = new Disk(), clock = new ManualClock(), blockSize = 1000): Promise<TransactionBroker> {
    const broker = new TransactionBroker(disk, clock, blockSize)
    for (let partition = 0; partition < STATE_PARTITION_COUNT; partition++) await broker.coordinator.load(partition, disk.log.leaderEpoch)
    return broker
  }

  /** Sends the request as bytes of that version and reads the answer from bytes. */
  async call<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const frame = encodeRequest(api, version, 1, 'test', request)
    const { bodyOffset } = decodeRequestHeader(frame)
    const handler = this.#handlers[api as keyof typeof TRANSACTION_APIS] as unknown as (context: { apiVersion: number }, request: RequestOf<N>) => Promise<Encodable<ResponseOf<N>>>
    const response = await handler({ apiVersion: version }, decodeRequest(api, version, frame, bodyOffset))
    return decodeResponse(api, version, encodeResponse(api, version, 1, response)).body
  }

  transactionalIds(): string[] {
    const transactions = this.coordinator.list()
    return typeof transactions === 'string' ? [] : transactions.map(({ transactionalId }) => transactionalId)
  }

  /** All values of the id in the order they were written, null for tombstones. */
  values(transactionalId: string): (Records['TransactionLogValue'] | null)[] {
    const partition = this.coordinator.partitionFor(transactionalId)
    const records = this.disk.log.of(TRANSACTION_STATE_TOPIC, partition).flatMap((batch) => batch.records)
    return records.flatMap(({ key, value }) => {
      if (key === null || decodeRecord('TransactionLogKey', key).transactionalId !== transactionalId) return []
      return [value === null ? null : decodeRecord('TransactionLogValue', value)]
    })
  }
}

/** Lets everything run that does not wait for the clock. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
