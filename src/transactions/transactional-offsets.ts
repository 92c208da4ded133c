// What the transaction APIs need of the group coordinator: offsets that become visible with the transaction.

import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'

export interface TransactionalOffsets {
  /** The partition of `__consumer_offsets` that holds the group. */
  partitionFor(groupId: string): number
  /** Writes the offsets as part of the producer's transaction and answers as the group coordinator does. */
  commitTransactional(request: RequestOf<'TxnOffsetCommit'>, apiVersion: number): Promise<Encodable<ResponseOf<'TxnOffsetCommit'>>>
}
