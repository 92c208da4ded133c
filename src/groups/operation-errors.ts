// What a client is told when an operation of the coordinator failed: the errors of the log in words that a group's
// client acts on.

import type { ErrorName } from '../protocol/error-codes.ts'
import { KafkaError } from '../protocol/error-codes.ts'

/** UNKNOWN_SERVER_ERROR for everything that is no KafkaError. */
export function operationErrorName(error: unknown): ErrorName {
  if (!(error instanceof KafkaError)) return 'UNKNOWN_SERVER_ERROR'
  switch (error.errorName) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
    case 'REQUEST_TIMED_OUT':
      return 'COORDINATOR_NOT_AVAILABLE'
    case 'NOT_LEADER_OR_FOLLOWER':
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR'
    case 'NETWORK_EXCEPTION':
      return 'COORDINATOR_LOAD_IN_PROGRESS'
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return 'UNKNOWN_SERVER_ERROR'
    default:
      return error.errorName
  }
}
