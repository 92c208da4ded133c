import { expect, test } from 'vitest'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { QuorumMetadataLog } from '../../../src/metadata/quorum-metadata-log.ts'
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
