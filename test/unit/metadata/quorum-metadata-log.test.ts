import { expect, test } from 'vitest'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { QuorumMetadataLog } from '../../../src/metadata/quorum-metadata-log.ts'
import type { QuorumLogEvent } from '../../../src/metadata/quorum-metadata-log.ts'
import { encodeMetadataRecord } from '../../../src/protocol/codec.ts'
import type { MetadataRecord } from '../../../src/protocol/codec.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'

/** A node 1 that leads epoch 5, and whose proposals fail. */
async function leading(failure: ErrorName): Promise<QuorumMetadataLog> {
  return QuorumMetadataLog.open(
    1,
    async (onEvent) => {
      onEvent({ kind: 'leaderChanged', leaderId: 1, epoch: 5 })
      onEvent({ kind: 'epochStarted', epoch: 5 })
      return { port: 0, propose: async () => Promise.reject(new KafkaError(failure, 'Node 2 leads.')), close: async () => undefined } as never
    },
    () => undefined,
  )
}

test.each([
  { failure: 'NOT_LEADER_OR_FOLLOWER', told: 'NOT_CONTROLLER' },
  { failure: 'REQUEST_TIMED_OUT', told: 'REQUEST_TIMED_OUT' },
] as const)('a proposal that fails with $failure is told as $told', async ({ failure, told }) => {
  const log = await leading(failure)
  await expect(log.append([metadataRecord('UnregisterBrokerRecord', { brokerId: 3, brokerEpoch: 7n })])).rejects.toMatchObject({ errorName: told })
})

test('what a next leader commits before an own append is answered is handed over after what was appended', async () => {
  const unregister = (brokerId: number): MetadataRecord => metadataRecord('UnregisterBrokerRecord', { brokerId, brokerEpoch: 7n })
  const committed = (baseOffset: bigint, epoch: number, ...records: MetadataRecord[]): QuorumLogEvent => ({
    kind: 'committed', baseOffset, epoch, records: records.map(({ name, version, value }) => encodeMetadataRecord(name, version, value)),
  })
  let tell!: (event: QuorumLogEvent) => void
  const log = await QuorumMetadataLog.open(
    1,
    async (onEvent) => {
      tell = onEvent
      tell({ kind: 'leaderChanged', leaderId: 1, epoch: 5 })
      tell({ kind: 'epochStarted', epoch: 5 })
      // As one turn of the event loop brings them after this node stood still for a while.
      const propose = async (): Promise<bigint> => {
        tell(committed(10n, 5, unregister(3), unregister(4)))
        tell({ kind: 'leaderChanged', leaderId: 2, epoch: 6 })
        tell({ kind: 'epochStarted', epoch: 6 })
        tell(committed(13n, 6, unregister(5)))
        return 10n
      }
      return { port: 0, propose, close: async () => undefined } as never
    },
    () => undefined,
  )
  await log.replay(() => undefined)
  const handedOver: [bigint, unknown[]][] = []
  log.onCommitted((offset, records) => void handedOver.push([offset, records.map(({ value }) => (value as { brokerId: number }).brokerId)]))
  expect(await log.append([unregister(3), unregister(4)])).toBe(10n)
  expect(handedOver).toEqual([[10n, [3, 4]], [13n, [5]]])
})
