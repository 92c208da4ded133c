// What the transaction APIs need of the group coordinator: offsets that become visible with the transaction.

import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'

export interface TransactionalOffsets {
  /** The partition of `__consumer_offsets` that holds the group. */
  partitionFor(groupId: string): number
  /** The answer where the transaction may not have them; of partitions that do not exist it says that. */
  refuseTransactional(request: RequestOf<'TxnOffsetCommit'>, apiVersion: number, error: ErrorName): Encodable<ResponseOf<'TxnOffsetCommit'>>
  /** Writes the offsets as part of the producer's transaction and answers as the group coordinator does. */
  commitTransactional(request: RequestOf<'TxnOffsetCommit'>, apiVersion: number): Promise<Encodable<ResponseOf<'TxnOffsetCommit'>>>
}
