/** What the group APIs need to know of where a request comes from. */
export type GroupRequestContext = {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly clientAddress: string
  readonly listener: string
}
