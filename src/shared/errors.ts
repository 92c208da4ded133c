// The base of every error that the broker throws on purpose. Callers look at `code`, never at the text.

/** A stable code in CAPITALS and a sentence for people; `cause` is what it came from. */
export class MillraceError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
  }
}

/** The text of anything that was thrown, in one line. */
export function errorMessage(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')
}
