// Errors as application/problem+json (RFC 9457), with Kafka's name of the error.

import { STATUS_CODES } from 'node:http'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { asKafkaError } from '../../broker/error-responses.ts'
import type { Problem } from '../schemas/problem.ts'

/** A request that is refused before Kafka has anything to say about it. */
export class HttpError extends Error {
  readonly status: number
  readonly errorName: ErrorName

  constructor(status: number, detail: string, errorName: ErrorName = 'INVALID_REQUEST') {
    super(detail)
    this.status = status
    this.errorName = errorName
  }
}

const STATUSES: Partial<Record<ErrorName, number>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 404,
  UNKNOWN_TOPIC_ID: 404,
  GROUP_ID_NOT_FOUND: 404,
  TRANSACTIONAL_ID_NOT_FOUND: 404,
  RESOURCE_NOT_FOUND: 404,
  BROKER_ID_NOT_REGISTERED: 404,
  VOTER_NOT_FOUND: 404,
  DUPLICATE_VOTER: 409,
  TOPIC_ALREADY_EXISTS: 409,
  NON_EMPTY_GROUP: 409,
  GROUP_SUBSCRIBED_TO_TOPIC: 409,
  UNKNOWN_MEMBER_ID: 409,
  COORDINATOR_NOT_AVAILABLE: 503,
  COORDINATOR_LOAD_IN_PROGRESS: 503,
  NOT_COORDINATOR: 503,
  LEADER_NOT_AVAILABLE: 503,
  KAFKA_STORAGE_ERROR: 503,
  REQUEST_TIMED_OUT: 504,
  UNKNOWN_SERVER_ERROR: 500,
}

export function problemOf(error: unknown): Problem {
  if (error instanceof HttpError) return problem(error.status, error.message, error.errorName)
  const { errorName, message } = asKafkaError(error)
  return problem(STATUSES[errorName] ?? 400, message, errorName)
}

function problem(status: number, detail: string, error: ErrorName): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, error }
}
