// The APIs of transactions: requests of every version in, what the coordinator says out, in the words that the
// version's clients know.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorCode } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { addPartitionsToTxn } from './add-partitions-handler.ts'
import { listTransactions } from './list-transactions.ts'
import type { MarkerWriter } from './marker-sender.ts'
import type { TransactionCoordinator } from './transaction-coordinator.ts'
import type { ClientTransactionVersion } from './transaction-metadata.ts'
import type { TransactionalOffsets } from './transactional-offsets.ts'
import type { ProducerIdAndEpoch } from './transitions.ts'
import { nextProducer } from './transitions.ts'
import { txnOffsetCommit } from './txn-offset-commit-handler.ts'
import type { PartitionVerifier } from './txn-offset-commit-handler.ts'
import { writeTxnMarkers } from './write-txn-markers-handler.ts'

/** Name, lowest and highest version of the APIs that are served here. */
export const TRANSACTION_APIS = {
  InitProducerId: { minVersion: 0, maxVersion: 5 },
  AddPartitionsToTxn: { minVersion: 0, maxVersion: 5 },
  AddOffsetsToTxn: { minVersion: 0, maxVersion: 4 },
  EndTxn: { minVersion: 0, maxVersion: 5 },
  WriteTxnMarkers: { minVersion: 1, maxVersion: 2 },
  TxnOffsetCommit: { minVersion: 0, maxVersion: 5 },
  DescribeTransactions: { minVersion: 0, maxVersion: 0 },
  ListTransactions: { minVersion: 0, maxVersion: 2 },
} as const satisfies Partial<Record<ApiName, { minVersion: number; maxVersion: number }>>

export type TransactionHandlersDeps = {
  readonly coordinator: TransactionCoordinator
  /** Answers for every transaction, wherever it is coordinated. */
  readonly verifier: PartitionVerifier
  readonly offsets: TransactionalOffsets
  /** Of partitions that this broker leads; what others ask for is never passed on. */
  readonly markers: MarkerWriter
  readonly clock: Clock
  partitionCount(topic: string): number | undefined
}

type Context = { readonly apiVersion: number }
type Handlers = { [N in keyof typeof TRANSACTION_APIS]: (context: Context, request: RequestOf<N>) => Promise<Encodable<ResponseOf<N>>> }

export function transactionHandlers(deps: TransactionHandlersDeps): Handlers {
  const { coordinator } = deps
  return {
    InitProducerId: ({ apiVersion }, request) => initProducerId(coordinator, request, apiVersion),
    AddPartitionsToTxn: ({ apiVersion }, request) => addPartitionsToTxn(deps, request, apiVersion),
    AddOffsetsToTxn: async ({ apiVersion }, request) => {
      const partitions = [{ topic: '__consumer_offsets', partition: deps.offsets.partitionFor(request.groupId) }]
      const error = await coordinator.addPartitions(request.transactionalId, { ...request, partitions, clientTransactionVersion: 0 })
      return { errorCode: codeFor(error, apiVersion >= 2) }
    },
    EndTxn: async ({ apiVersion }, request) => {
      const clientTransactionVersion: ClientTransactionVersion = apiVersion >= 5 ? 2 : 0
      const outcome = await coordinator.endTransaction(request.transactionalId, { ...request, commit: request.committed, clientTransactionVersion })
      if (outcome.error !== null) return { errorCode: codeFor(outcome.error, apiVersion >= 2) }
      return nextProducer(outcome.metadata)
    },
    WriteTxnMarkers: (_context, request) => writeTxnMarkers(deps, request),
    TxnOffsetCommit: ({ apiVersion }, request) => txnOffsetCommit(deps, request, apiVersion),
    DescribeTransactions: async (_context, request) => ({ transactionStates: request.transactionalIds.map((id) => describe(coordinator, id)) }),
    ListTransactions: async (_context, request) => listTransactions(coordinator.list(), request, deps.clock.nowMs()),
  }
}

async function initProducerId(coordinator: TransactionCoordinator, request: RequestOf<'InitProducerId'>, apiVersion: number): Promise<Encodable<ResponseOf<'InitProducerId'>>> {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
  if ((producerId === -1n) !== (producerEpoch === -1)) return failedInit('INVALID_REQUEST')
  if (transactionalId === null) return { producerId: await coordinator.newProducerId(), producerEpoch: 0 }
  const expected: ProducerIdAndEpoch | null = producerId === -1n ? null : { producerId, producerEpoch }
  const outcome = await coordinator.initProducerId({ transactionalId, timeoutMs: transactionTimeoutMs, expected })
  if (outcome.error !== null) return failedInit(outcome.error === 'PRODUCER_FENCED' && apiVersion < 4 ? 'INVALID_PRODUCER_EPOCH' : outcome.error)
  return { producerId: outcome.metadata.producerId, producerEpoch: outcome.metadata.producerEpoch }
}

function failedInit(error: ErrorName): Encodable<ResponseOf<'InitProducerId'>> {
  return { errorCode: errorCode(error), producerId: -1n, producerEpoch: -1 }
}

function describe(coordinator: TransactionCoordinator, transactionalId: string): Encodable<ResponseOf<'DescribeTransactions'>['transactionStates'][number]> {
  const outcome = coordinator.describe(transactionalId)
  if (outcome.error !== null) return { transactionalId, errorCode: errorCode(outcome.error) }
  const { metadata } = outcome
  return {
    transactionalId,
    transactionState: metadata.state,
    transactionTimeoutMs: metadata.timeoutMs,
    transactionStartTimeMs: BigInt(metadata.startTimestampMs),
    producerId: metadata.producerId,
    producerEpoch: metadata.producerEpoch,
    topics: [...metadata.partitions].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
  }
}

/** Clients of older versions know PRODUCER_FENCED only as INVALID_PRODUCER_EPOCH (KIP-588). */
function codeFor(error: ErrorName | null, knowsProducerFenced: boolean): number {
  if (error === null) return 0
  return errorCode(error === 'PRODUCER_FENCED' && !knowsProducerFenced ? 'INVALID_PRODUCER_EPOCH' : error)
}
