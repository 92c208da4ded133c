// ApiVersions (KIP-35, KIP-511, KIP-584): what this broker serves, and which features are on.

import { API_KEYS, apiByName } from '../protocol/api-keys.ts'
import type { ApiName, Encodable, ResponseOf } from '../protocol/api-keys.ts'
import { encodeResponse } from '../protocol/codec.ts'
import { ERRORS } from '../protocol/error-codes.ts'
import type { ApiHandler } from './api.ts'
import { DATA_PLANE_APIS } from './served-apis.ts'
import type { ServedApis, VersionRange } from './served-apis.ts'

/** As Kafka 4.3: version 5 exists in the tables, and no client of today sends it. */
export const API_VERSIONS_VERSIONS: VersionRange = { minVersion: 0, maxVersion: 4 }

export type SupportedFeature = { readonly name: string; readonly minVersion: number; readonly maxVersion: number }

export type ApiVersionsDeps = {
  served(): ServedApis
  readonly features: readonly SupportedFeature[]
  finalized(): { readonly epoch: bigint; readonly levels: ReadonlyMap<string, number> }
}

/** Up to this version a client takes a feature's minimum of 0 for malformed (KAFKA-17492). */
const NO_ZERO_MINIMUM_UP_TO = 3
/** A client's name and version become part of metrics, so their form is checked (KIP-511). */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export function apiVersionsHandler(deps: ApiVersionsDeps): ApiHandler<'ApiVersions'> {
  return ({ apiVersion }, request) => {
    const names = [request.clientSoftwareName, request.clientSoftwareVersion]
    if (apiVersion >= 3 && !names.every((name) => SOFTWARE_NAME.test(name))) return { errorCode: ERRORS.INVALID_REQUEST.code }
    const { epoch, levels } = deps.finalized()
    return {
      apiKeys: listApis(deps.served()),
      supportedFeatures: deps.features.filter(({ minVersion }) => apiVersion > NO_ZERO_MINIMUM_UP_TO || minVersion > 0),
      finalizedFeaturesEpoch: epoch,
      finalizedFeatures: [...levels].map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
    }
  }
}

/** The answer to a version this broker does not know: in version 0, with the versions it does (KIP-511). */
export function unsupportedApiVersions(correlationId: number, versions: VersionRange): Uint8Array {
  const body = { errorCode: ERRORS.UNSUPPORTED_VERSION.code, apiKeys: [{ apiKey: apiByName('ApiVersions').key, ...versions }] }
  return encodeResponse('ApiVersions', 0, correlationId, body)
}

/** Only brokers ask these of each other, at versions that they know; Kafka's brokers do not tell clients of them either. */
const BETWEEN_BROKERS: ReadonlySet<string> = new Set<ApiName>(['Envelope', 'AlterPartition', 'BrokerRegistration', 'BrokerHeartbeat', 'AllocateProducerIds', 'AssignReplicasToDirs'])

function listApis(served: ServedApis): NonNullable<Encodable<ResponseOf<'ApiVersions'>>['apiKeys']> {
  return API_KEYS.flatMap(({ name, key }) => {
    if (BETWEEN_BROKERS.has(name)) return []
    const versions = (DATA_PLANE_APIS as Partial<Record<string, VersionRange>>)[name] ?? served.get(name as ApiName)
    return versions === undefined ? [] : [{ apiKey: key, minVersion: versions.minVersion, maxVersion: versions.maxVersion }]
  })
}
