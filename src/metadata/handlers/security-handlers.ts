// What is answered about ACLs, quotas and SCRAM credentials where there are none: as by Apache Kafka without an authorizer
// and with nothing set. What would set them is not served.

import type { Encodable } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type {
  CreateAclsRequest,
  CreateAclsResponse,
  DeleteAclsRequest,
  DeleteAclsResponse,
  DescribeAclsResponse,
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../protocol/messages.ts'

const NO_AUTHORIZER = { errorCode: errorCode('SECURITY_DISABLED'), errorMessage: 'No Authorizer is configured.' }

export function describeAcls(): Encodable<DescribeAclsResponse> {
  return { errorCode: NO_AUTHORIZER.errorCode, errorMessage: 'No Authorizer is configured on the broker', resources: [] }
}

export function createAcls({ creations }: CreateAclsRequest): Encodable<CreateAclsResponse> {
  return { results: creations.map(() => NO_AUTHORIZER) }
}

export function deleteAcls({ filters }: DeleteAclsRequest): Encodable<DeleteAclsResponse> {
  return { filterResults: filters.map(() => ({ ...NO_AUTHORIZER, matchingAcls: [] })) }
}

const QUOTA_ENTITY_TYPES: ReadonlySet<string> = new Set(['user', 'client-id', 'ip'])
/** Exactly this name, the default, or any that is named. */
const QUOTA_MATCH_TYPES: ReadonlySet<number> = new Set([0, 1, 2])

export function describeClientQuotas({ components }: DescribeClientQuotasRequest): Encodable<DescribeClientQuotasResponse> {
  const fault = quotaFilterFault(components)
  return fault === undefined ? { errorMessage: '', entries: [] } : { errorCode: errorCode(fault.name), errorMessage: fault.message, entries: null }
}

function quotaFilterFault(components: DescribeClientQuotasRequest['components']): { name: ErrorName; message: string } | undefined {
  const seen = new Set<string>()
  for (const { entityType, matchType } of components) {
    if (entityType === '') return { name: 'INVALID_REQUEST', message: 'Invalid empty entity type.' }
    if (seen.has(entityType)) return { name: 'INVALID_REQUEST', message: `Entity type ${entityType} cannot appear more than once in the filter.` }
    seen.add(entityType)
    if (!QUOTA_MATCH_TYPES.has(matchType)) return { name: 'INVALID_REQUEST', message: `Unknown match type ${matchType}` }
    if (!QUOTA_ENTITY_TYPES.has(entityType)) return { name: 'UNSUPPORTED_VERSION', message: `Unsupported entity type ${entityType}` }
  }
  if (!seen.has('ip') || seen.size === 1) return undefined
  return { name: 'INVALID_REQUEST', message: 'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.' }
}

export function describeUserScramCredentials({ users }: DescribeUserScramCredentialsRequest): Encodable<DescribeUserScramCredentialsResponse> {
  const names = (users ?? []).map(({ name }) => name)
  const results = [...new Set(names)].map((user) => {
    const isTwice = names.indexOf(user) !== names.lastIndexOf(user)
    const refusal = isTwice
      ? new KafkaError('DUPLICATE_RESOURCE', `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`)
      : new KafkaError('RESOURCE_NOT_FOUND', `Attempt to describe a user credential that does not exist: ${user}`)
    return { user, errorCode: refusal.errorCode, errorMessage: refusal.message, credentialInfos: [] }
  })
  return { errorMessage: '', results }
}
