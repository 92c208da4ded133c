// ListGroups, DescribeGroups and DeleteGroups.

import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'

/** READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS as bits: what may be done to a group where nothing is forbidden. */
export const ALL_GROUP_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)
/** From this version on a group that does not exist is an error, before that a dead group. */
const NOT_FOUND_ERROR_VERSION = 6

export function listGroups(coordinator: GroupCoordinator, request: RequestOf<'ListGroups'>): Encodable<ResponseOf<'ListGroups'>> {
  const states = new Set(request.statesFilter.map((state) => state.trim().toLowerCase()))
  const types = new Set(request.typesFilter.map((type) => type.trim().toLowerCase()))
  try {
    const groups = coordinator.listGroups().filter(({ groupState = '', groupType = '' }) =>
      (states.size === 0 || states.has(groupState.toLowerCase())) && (types.size === 0 || types.has(groupType.toLowerCase())))
    return { groups }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return { errorCode: error.errorCode }
  }
}

export function describeGroups(coordinator: GroupCoordinator, apiVersion: number, request: RequestOf<'DescribeGroups'>): Encodable<ResponseOf<'DescribeGroups'>> {
  const operations = request.includeAuthorizedOperations ? { authorizedOperations: ALL_GROUP_OPERATIONS } : {}
  return {
    groups: request.groups.map((groupId) => {
      const group = coordinator.describeGroup(groupId)
      if (group.errorCode === errorCode('GROUP_ID_NOT_FOUND')) return apiVersion >= NOT_FOUND_ERROR_VERSION ? group : { ...group, errorCode: 0, errorMessage: null, ...operations }
      return { ...group, ...operations }
    }),
  }
}

export async function deleteGroups(coordinator: GroupCoordinator, request: RequestOf<'DeleteGroups'>): Promise<Encodable<ResponseOf<'DeleteGroups'>>> {
  const groupIds = [...new Set(request.groupsNames)]
  return { results: await Promise.all(groupIds.map(async (groupId) => ({ groupId, errorCode: errorCode(await coordinator.deleteGroup(groupId)) }))) }
}
