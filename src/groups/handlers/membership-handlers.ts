// JoinGroup, SyncGroup, Heartbeat and LeaveGroup: every version's request in the coordinator's words, and back.

import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'
import type { GroupRequestContext } from './request-context.ts'
import { clientHost } from './request-context.ts'

export async function joinGroup(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'JoinGroup'>): Promise<Encodable<ResponseOf<'JoinGroup'>>> {
  const { apiVersion } = context
  const response = await coordinator.joinGroup({
    ...request,
    rebalanceTimeoutMs: apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
    apiVersion,
    clientId: context.clientId ?? '',
    clientHost: clientHost(context),
  })
  return apiVersion < 7 ? { ...response, protocolName: response.protocolName ?? '' } : { protocolName: null, ...response }
}

export async function syncGroup(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'SyncGroup'>): Promise<Encodable<ResponseOf<'SyncGroup'>>> {
  // KIP-559: from version 5 on the member says which protocol it syncs for.
  if (context.apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) return { errorCode: errorCode('INCONSISTENT_GROUP_PROTOCOL') }
  return coordinator.syncGroup(request)
}

export function heartbeat(coordinator: GroupCoordinator, request: RequestOf<'Heartbeat'>): Encodable<ResponseOf<'Heartbeat'>> {
  return { errorCode: errorCode(coordinator.heartbeat(request)) }
}

export async function leaveGroup(coordinator: GroupCoordinator, context: GroupRequestContext, request: RequestOf<'LeaveGroup'>): Promise<Encodable<ResponseOf<'LeaveGroup'>>> {
  // Up to version 2 one member leaves, and its outcome is the response's.
  const isBatch = context.apiVersion >= 3
  const leaving = isBatch ? request.members : [{ memberId: request.memberId, groupInstanceId: null, reason: null }]
  const { error, members } = await coordinator.leaveGroup(request.groupId, leaving)
  if (error !== 'NONE') return { errorCode: errorCode(error) }
  return isBatch ? { errorCode: 0, members } : { errorCode: members[0]?.errorCode ?? 0 }
}
