import { expect, test } from 'vitest'
import { answerVerification, produceError } from '../../../src/broker/verification.ts'
import { ERRORS, KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'

const question = (produceVersion: number) => ({
  requestId: 9,
  transactionalId: 'tx',
  producerId: 4000n,
  producerEpoch: 2,
  partitions: [
    { topic: 'a', partition: 0 },
    { topic: 'b', partition: 7 },
  ],
  produceVersion,
})

test.each([
  { version: 11, allowed: false },
  { version: 12, allowed: true },
])('Produce $version adds partitions to the transaction: $allowed', async ({ version, allowed }) => {
  const asked: unknown[] = []
  const verified: unknown[] = []
  await answerVerification(
    { verified: (...answer) => void verified.push(answer) },
    { verifyPartition: async (...args) => (asked.push(args), args[3] === 'a' ? null : 'INVALID_TXN_STATE') },
    question(version),
  )
  expect(asked).toEqual([
    ['tx', 4000n, 2, 'a', 0, allowed],
    ['tx', 4000n, 2, 'b', 7, allowed],
  ])
  expect(verified).toEqual([[9, [0, ERRORS.INVALID_TXN_STATE.code]]])
})

test('a question that fails is answered all the same', async () => {
  const verified: unknown[] = []
  const failures = [new KafkaError('NOT_COORDINATOR'), new TypeError('bug')]
  await answerVerification(
    { verified: (...answer) => void verified.push(answer) },
    { verifyPartition: () => Promise.reject(failures.shift() ?? new Error('asked too often')) },
    question(12),
  )
  expect(verified).toEqual([[9, [ERRORS.NOT_ENOUGH_REPLICAS.code, ERRORS.UNKNOWN_SERVER_ERROR.code]]])
})

test.each<[ErrorName, number, ErrorName]>([
  ['PRODUCER_FENCED', 12, 'INVALID_PRODUCER_EPOCH'],
  ['TRANSACTION_ABORTABLE', 10, 'INVALID_TXN_STATE'],
  ['TRANSACTION_ABORTABLE', 11, 'TRANSACTION_ABORTABLE'],
  ['CONCURRENT_TRANSACTIONS', 11, 'NOT_ENOUGH_REPLICAS'],
  ['CONCURRENT_TRANSACTIONS', 12, 'CONCURRENT_TRANSACTIONS'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 12, 'NOT_ENOUGH_REPLICAS'],
  ['COORDINATOR_NOT_AVAILABLE', 12, 'NOT_ENOUGH_REPLICAS'],
  ['INVALID_PRODUCER_ID_MAPPING', 12, 'INVALID_PRODUCER_ID_MAPPING'],
])('%s is told to Produce %i as %s', (error, version, told) => {
  expect(produceError(error, version)).toBe(told)
})
