// Turns error codes of responses into exceptions, in one place for the CLI and the HTTP API.

import { ERRORS, errorName, KafkaError } from '../../protocol/error-codes.ts'

/** Throws a KafkaError unless `code` is NONE. The broker's own message is preferred to the general one; `subject` names what failed. */
export function expectNoError(code: number, message: string | null | undefined, subject: string): void {
  if (code === 0) return
  const name = errorName(code)
  throw new KafkaError(name, `${subject}: ${message || ERRORS[name].message}`)
}

/** An int64 of the wire as a JSON number. Offsets and ids that a log can reach are exact. */
export function jsonInteger(value: bigint): number {
  return Number(value)
}

/** The same for fields where a negative number stands for nothing. */
export function jsonIntegerOrNull(value: bigint): number | null {
  return value < 0n ? null : Number(value)
}
