// Which APIs this broker serves, and from which version to which: what is not here is neither advertised nor answered.

import { apiByName } from '../protocol/api-keys.ts'
import type { ApiName } from '../protocol/api-keys.ts'
import type { ApiHandlers } from './api.ts'

export type VersionRange = { readonly minVersion: number; readonly maxVersion: number }
export type ServedApis = ReadonlyMap<ApiName, VersionRange>

/**
 * Answered by the data plane. Produce is advertised from 0, as by Kafka: clients that look for support of old message
 * formats ask for it (KIP-896), and none of them then sends a version below 3.
 */
export const DATA_PLANE_APIS = {
  Produce: { minVersion: 0, maxVersion: 13 },
  Fetch: { minVersion: 4, maxVersion: 18 },
  ListOffsets: { minVersion: 1, maxVersion: 11 },
  OffsetForLeaderEpoch: { minVersion: 2, maxVersion: 4 },
} as const satisfies Partial<Record<ApiName, VersionRange>>

/** The APIs of these handlers with the versions their parts name; all of the protocol's where a part names none. */
export function servedApis(handlers: ApiHandlers, versions: Partial<Record<ApiName, VersionRange>>): ServedApis {
  const served = new Map<ApiName, VersionRange>()
  for (const api of Object.keys(handlers) as ApiName[]) {
    const { minVersion, maxVersion } = versions[api] ?? apiByName(api)
    served.set(api, { minVersion, maxVersion })
  }
  return served
}
