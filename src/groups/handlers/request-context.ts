/** What the group APIs need to know of where a request comes from. */
export type GroupRequestContext = {
  readonly apiVersion: number
  readonly clientId: string | null
  readonly clientAddress: string
  readonly listener: string
}

/** The client's address as Java prints it, which is what tools that describe groups show. */
export function clientHost({ clientAddress }: GroupRequestContext): string {
  return `/${clientAddress}`
}
