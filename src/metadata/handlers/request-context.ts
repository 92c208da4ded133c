// What handlers of metadata know of a request beside its body.

export type MetadataRequestContext = {
  readonly apiVersion: number
  /** The name of the listener that the request came in on; addresses are told as they are there. */
  readonly listener: string
  /** Another broker took the request in, checked what only it can, and passed it on. */
  readonly isForwarded: boolean
  /** Wall clock in milliseconds. */
  readonly now: number
}
