// What a failed append to `__transaction_state` means to a client: it asks again, here or at the new coordinator.

import type { ErrorName } from '../protocol/error-codes.ts'
import { KafkaError } from '../protocol/error-codes.ts'

const APPEND_ERRORS: ReadonlyMap<ErrorName, ErrorName> = new Map([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'COORDINATOR_NOT_AVAILABLE'],
  ['REQUEST_TIMED_OUT', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR'],
  ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
  ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
])

/** The error to answer with; UNKNOWN_SERVER_ERROR for what is no outcome of Kafka's. */
export function coordinatorErrorName(error: unknown): ErrorName {
  if (!(error instanceof KafkaError)) return 'UNKNOWN_SERVER_ERROR'
  return APPEND_ERRORS.get(error.errorName) ?? error.errorName
}

/** Producers know a fenced epoch of a write only as INVALID_PRODUCER_EPOCH, and before Produce 11 no TRANSACTION_ABORTABLE (KIP-890). */
export function produceErrorName(error: ErrorName, produceVersion: number): ErrorName {
  if (error === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
  if (error === 'TRANSACTION_ABORTABLE' && produceVersion < 11) return 'INVALID_TXN_STATE'
  const retriable = error === 'NETWORK_EXCEPTION' || error === 'COORDINATOR_LOAD_IN_PROGRESS' || error === 'COORDINATOR_NOT_AVAILABLE' || error === 'NOT_COORDINATOR'
  // Every producer tries again after NOT_ENOUGH_REPLICAS; the errors of a coordinator it would not expect here.
  return retriable || (error === 'CONCURRENT_TRANSACTIONS' && produceVersion < 12) ? 'NOT_ENOUGH_REPLICAS' : error
}
