// What a failed append says of the log, which decides whether what is in memory may stay.

import { KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'

/**
 * `refused`: nothing was written, memory and log still agree. `notLeader`: the partition is led elsewhere. `unknown`: the
 * records may be in the log, or get there.
 */
export type AppendFailure = 'refused' | 'notLeader' | 'unknown'

const REFUSED: ReadonlySet<ErrorName> = new Set([
  'NOT_ENOUGH_REPLICAS',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_PRODUCER_EPOCH',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_TXN_STATE',
  'TRANSACTION_COORDINATOR_FENCED',
])
const NOT_LEADER: ReadonlySet<ErrorName> = new Set(['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH', 'UNKNOWN_TOPIC_OR_PARTITION'])

export function appendFailure(error: unknown): AppendFailure {
  if (!(error instanceof KafkaError)) return 'unknown'
  if (NOT_LEADER.has(error.errorName)) return 'notLeader'
  return REFUSED.has(error.errorName) ? 'refused' : 'unknown'
}
