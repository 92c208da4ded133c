// What handlers of metadata know of a request beside its body.

export type MetadataRequestContext = {
  readonly apiVersion: number
  /** The name of the listener that the request came in on; addresses are told as they are there. */
  readonly listener: string
  /** Wall clock in milliseconds. */
  readonly now: number
}
