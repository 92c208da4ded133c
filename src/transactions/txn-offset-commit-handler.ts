// TxnOffsetCommit: the group's partition must be part of the producer's transaction before its offsets are written.

import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { TransactionalOffsets } from './transactional-offsets.ts'

type Request = RequestOf<'TxnOffsetCommit'>
type Response = Encodable<ResponseOf<'TxnOffsetCommit'>>

/** The version since which the request itself adds the group to the transaction, and the one since which clients know TRANSACTION_ABORTABLE (KIP-890). */
const IMPLICIT_ADD_VERSION = 5
const ABORTABLE_VERSION = 4

export interface PartitionVerifier {
  /** Null if a batch of the transaction may be appended to the partition, which joins it where `allowImplicitAdd`; else why not. */
  verifyPartition(transactionalId: string, producerId: bigint, producerEpoch: number, topic: string, partition: number, allowImplicitAdd: boolean): Promise<ErrorName | null>
}

export type TxnOffsetCommitDeps = { readonly verifier: PartitionVerifier; readonly offsets: TransactionalOffsets }

export async function txnOffsetCommit({ verifier, offsets }: TxnOffsetCommitDeps, request: Request, apiVersion: number): Promise<Response> {
  const { transactionalId, groupId, producerId, producerEpoch } = request
  const partition = offsets.partitionFor(groupId)
  const error = await verifier.verifyPartition(transactionalId, producerId, producerEpoch, '__consumer_offsets', partition, apiVersion >= IMPLICIT_ADD_VERSION)
  if (error === null) return offsets.commitTransactional(request, apiVersion)
  return offsets.refuseTransactional(request, apiVersion, errorFor(error, apiVersion))
}

/** Coordinators that cannot be reached: to the client it is this one that shall be asked again. */
const UNREACHABLE: ReadonlySet<ErrorName> = new Set(['NOT_COORDINATOR', 'BROKER_NOT_AVAILABLE', 'NETWORK_EXCEPTION', 'REQUEST_TIMED_OUT'])

function errorFor(error: ErrorName, apiVersion: number): ErrorName {
  if (UNREACHABLE.has(error)) return 'COORDINATOR_NOT_AVAILABLE'
  if (error === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
  if (error === 'TRANSACTION_ABORTABLE' && apiVersion < ABORTABLE_VERSION) return 'INVALID_TXN_STATE'
  return error === 'COORDINATOR_LOAD_IN_PROGRESS' && apiVersion < 2 ? 'COORDINATOR_NOT_AVAILABLE' : error
}
