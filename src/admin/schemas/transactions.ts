import { Type, type Static } from '@sinclair/typebox'
import { nullable, timestampMs } from './fields.ts'

export const TransactionSummary = Type.Object({
  transactionalId: Type.String(),
  producerId: Type.Integer(),
  state: Type.String({ description: 'Such as Ongoing, Empty, CompleteCommit.' }),
}, { $id: 'TransactionSummary' })
export type TransactionSummary = Static<typeof TransactionSummary>

export const Transaction = Type.Object({
  transactionalId: Type.String(),
  producerId: Type.Integer(),
  producerEpoch: Type.Integer(),
  state: Type.String(),
  timeoutMs: Type.Integer(),
  startTimestampMs: nullable(timestampMs('When the transaction began')),
  topics: Type.Array(Type.Object({ topic: Type.String(), partitions: Type.Array(Type.Integer()) })),
}, { $id: 'Transaction' })
export type Transaction = Static<typeof Transaction>

export const ActiveProducer = Type.Object({
  producerId: Type.Integer(),
  producerEpoch: Type.Integer(),
  lastSequence: Type.Integer(),
  lastTimestampMs: timestampMs('When the producer last wrote'),
  coordinatorEpoch: Type.Integer(),
  transactionStartOffset: nullable(Type.Integer({ description: 'First offset of its open transaction.' })),
}, { $id: 'ActiveProducer' })
export type ActiveProducer = Static<typeof ActiveProducer>

export const ActiveProducers = Type.Object({ producers: Type.Array(ActiveProducer) }, { $id: 'ActiveProducers' })
export type ActiveProducers = Static<typeof ActiveProducers>
