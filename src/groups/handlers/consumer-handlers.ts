// ConsumerGroupHeartbeat and ConsumerGroupDescribe.

import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'
import { ALL_GROUP_OPERATIONS } from './listing-handlers.ts'
import type { GroupRequestContext } from './request-context.ts'
import { clientHost } from './request-context.ts'

export function consumerGroupHeartbeat(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'ConsumerGroupHeartbeat'>): Promise<Encodable<ResponseOf<'ConsumerGroupHeartbeat'>>> {
  return coordinator.consumerGroupHeartbeat({ ...request, clientId: context.clientId ?? '', clientHost: clientHost(context) }, context.apiVersion)
}

export function consumerGroupDescribe(coordinator: GroupCoordinator, request: RequestOf<'ConsumerGroupDescribe'>): Encodable<ResponseOf<'ConsumerGroupDescribe'>> {
  const operations = request.includeAuthorizedOperations ? { authorizedOperations: ALL_GROUP_OPERATIONS } : {}
  return {
    groups: request.groupIds.map((groupId) => {
      const group = coordinator.describeConsumerGroup(groupId)
      return (group.errorCode ?? 0) === 0 ? { ...group, ...operations } : group
    }),
  }
}
