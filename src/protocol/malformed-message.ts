// The one failure of decoding: bytes that are not the message they claim to be.

import { MillraceError } from '../shared/errors.ts'

/** Bytes from a peer or a log that do not hold the message they should. Nothing of them was taken over. */
export class MalformedMessage extends MillraceError {
  constructor(reason: string) {
    super('MALFORMED_MESSAGE', reason)
  }
}
