// ShareGroupHeartbeat, ShareGroupDescribe and DescribeShareGroupOffsets.

import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'
import { ALL_GROUP_OPERATIONS } from './listing-handlers.ts'
import type { GroupRequestContext } from './request-context.ts'
import { clientHost } from './request-context.ts'

export function shareGroupHeartbeat(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'ShareGroupHeartbeat'>): Promise<Encodable<ResponseOf<'ShareGroupHeartbeat'>>> {
  return coordinator.shareGroupHeartbeat({ ...request, clientId: context.clientId ?? '', clientHost: clientHost(context) })
}

export function shareGroupDescribe(coordinator: GroupCoordinator, request: RequestOf<'ShareGroupDescribe'>): Encodable<ResponseOf<'ShareGroupDescribe'>> {
  const operations = request.includeAuthorizedOperations ? { authorizedOperations: ALL_GROUP_OPERATIONS } : {}
  return {
    groups: request.groupIds.map((groupId) => {
      const group = coordinator.describeShareGroup(groupId)
      return (group.errorCode ?? 0) === 0 ? { ...group, ...operations } : group
    }),
  }
}

export async function describeShareGroupOffsets(coordinator: GroupCoordinator, request: RequestOf<'DescribeShareGroupOffsets'>): Promise<Encodable<ResponseOf<'DescribeShareGroupOffsets'>>> {
  return { groups: await Promise.all(request.groups.map((group) => coordinator.describeShareOffsets(group))) }
}
