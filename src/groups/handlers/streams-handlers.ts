// StreamsGroupHeartbeat and StreamsGroupDescribe.

import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'
import { ALL_GROUP_OPERATIONS } from './listing-handlers.ts'
import type { GroupRequestContext } from './request-context.ts'
import { clientHost } from './request-context.ts'

export function streamsGroupHeartbeat(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'StreamsGroupHeartbeat'>): Promise<Encodable<ResponseOf<'StreamsGroupHeartbeat'>>> {
  return coordinator.streamsGroupHeartbeat({ ...request, clientId: context.clientId ?? '', clientHost: clientHost(context) })
}

export function streamsGroupDescribe(coordinator: GroupCoordinator, request: RequestOf<'StreamsGroupDescribe'>): Encodable<ResponseOf<'StreamsGroupDescribe'>> {
  const operations = request.includeAuthorizedOperations ? { authorizedOperations: ALL_GROUP_OPERATIONS } : {}
  return {
    groups: request.groupIds.map((groupId) => {
      const group = coordinator.describeStreamsGroup(groupId)
      return (group.errorCode ?? 0) === 0 ? { ...group, ...operations } : group
    }),
  }
}
