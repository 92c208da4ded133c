// How one item of a request ends: each item is decided for itself, and its refusal is part of the response.

import { ERRORS, KafkaError } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { MillraceError } from '../../shared/errors.ts'

export type ErrorFields = { errorCode: number; errorMessage: string | null }

export const NO_ERROR: ErrorFields = { errorCode: 0, errorMessage: null }

/** A refusal as a response tells it. What is no protocol outcome is a bug and thrown on. */
export function errorFields(error: unknown): ErrorFields {
  const refusal = asKafkaError(error)
  if (refusal === undefined) throw error
  return { errorCode: refusal.errorCode, errorMessage: refusal.message }
}

/** The protocol outcome that an error stands for: its own, or the one its code names. */
export function asKafkaError(error: unknown): KafkaError | undefined {
  if (error instanceof KafkaError) return error
  if (error instanceof MillraceError && Object.hasOwn(ERRORS, error.code)) return new KafkaError(error.code as ErrorName, error.message, error)
  return undefined
}
