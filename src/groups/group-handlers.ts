// The APIs of groups, as the broker routes them.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import { consumerGroupDescribe, consumerGroupHeartbeat } from './handlers/consumer-handlers.ts'
import type { FindCoordinatorDeps } from './handlers/find-coordinator-handler.ts'
import { findCoordinator } from './handlers/find-coordinator-handler.ts'
import { deleteGroups, describeGroups, listGroups } from './handlers/listing-handlers.ts'
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './handlers/membership-handlers.ts'
import { offsetCommit, offsetDelete, offsetFetch, refusedTxnOffsetCommit, txnOffsetCommit } from './handlers/offset-handlers.ts'
import { describeShareGroupOffsets, shareGroupDescribe, shareGroupHeartbeat } from './handlers/share-handlers.ts'
import { streamsGroupDescribe, streamsGroupHeartbeat } from './handlers/streams-handlers.ts'
import type { GroupRequestContext } from './handlers/request-context.ts'

/** Lowest and highest version of the APIs that are served here. */
export const GROUP_APIS = {
  OffsetCommit: { minVersion: 2, maxVersion: 10 },
  OffsetFetch: { minVersion: 1, maxVersion: 10 },
  FindCoordinator: { minVersion: 0, maxVersion: 6 },
  JoinGroup: { minVersion: 0, maxVersion: 9 },
  Heartbeat: { minVersion: 0, maxVersion: 4 },
  LeaveGroup: { minVersion: 0, maxVersion: 5 },
  SyncGroup: { minVersion: 0, maxVersion: 5 },
  DescribeGroups: { minVersion: 0, maxVersion: 6 },
  ListGroups: { minVersion: 0, maxVersion: 5 },
  DeleteGroups: { minVersion: 0, maxVersion: 2 },
  OffsetDelete: { minVersion: 0, maxVersion: 0 },
  ConsumerGroupHeartbeat: { minVersion: 0, maxVersion: 1 },
  ConsumerGroupDescribe: { minVersion: 0, maxVersion: 1 },
  StreamsGroupHeartbeat: { minVersion: 0, maxVersion: 0 },
  StreamsGroupDescribe: { minVersion: 0, maxVersion: 0 },
  ShareGroupHeartbeat: { minVersion: 1, maxVersion: 1 },
  ShareGroupDescribe: { minVersion: 1, maxVersion: 1 },
  DescribeShareGroupOffsets: { minVersion: 0, maxVersion: 1 },
  AlterShareGroupOffsets: { minVersion: 0, maxVersion: 0 },
  DeleteShareGroupOffsets: { minVersion: 0, maxVersion: 0 },
} as const satisfies Partial<Record<ApiName, { minVersion: number; maxVersion: number }>>

export type GroupHandlersDeps = FindCoordinatorDeps & { readonly coordinator: GroupCoordinator }

type Answer<N extends ApiName> = Encodable<ResponseOf<N>> | Promise<Encodable<ResponseOf<N>>>
type GroupHandlers = { [N in keyof typeof GROUP_APIS]: (context: GroupRequestContext, request: RequestOf<N>) => Answer<N> }

export function groupHandlers(deps: GroupHandlersDeps): GroupHandlers {
  const { coordinator, topics } = deps
  return {
    OffsetCommit: ({ apiVersion }, request) => offsetCommit(coordinator, topics, apiVersion, request),
    OffsetFetch: ({ apiVersion }, request) => offsetFetch(coordinator, topics, apiVersion, request),
    FindCoordinator: ({ apiVersion, listener }, request) => findCoordinator(deps, apiVersion, listener, request),
    JoinGroup: (context, request) => joinGroup(coordinator, context, request),
    Heartbeat: (_context, request) => heartbeat(coordinator, request),
    LeaveGroup: (context, request) => leaveGroup(coordinator, context, request),
    SyncGroup: (context, request) => syncGroup(coordinator, context, request),
    DescribeGroups: ({ apiVersion }, request) => describeGroups(coordinator, apiVersion, request),
    ListGroups: (_context, request) => listGroups(coordinator, request),
    DeleteGroups: (_context, request) => deleteGroups(coordinator, request),
    OffsetDelete: (_context, request) => offsetDelete(coordinator, topics, request),
    ConsumerGroupHeartbeat: (context, request) => consumerGroupHeartbeat(coordinator, context, request),
    ConsumerGroupDescribe: (_context, request) => consumerGroupDescribe(coordinator, request),
    StreamsGroupHeartbeat: (context, request) => streamsGroupHeartbeat(coordinator, context, request),
    StreamsGroupDescribe: (_context, request) => streamsGroupDescribe(coordinator, request),
    ShareGroupHeartbeat: (context, request) => shareGroupHeartbeat(coordinator, context, request),
    ShareGroupDescribe: (_context, request) => shareGroupDescribe(coordinator, request),
    DescribeShareGroupOffsets: (_context, request) => describeShareGroupOffsets(coordinator, request),
    AlterShareGroupOffsets: (_context, request) => coordinator.alterShareOffsets(request),
    DeleteShareGroupOffsets: (_context, request) => coordinator.deleteShareOffsets(request),
  }
}

/** What the transaction APIs need of groups: offsets that become visible with the transaction. */
export function transactionalOffsets(coordinator: GroupCoordinator, topics: GroupHandlersDeps['topics']): {
  partitionFor(groupId: string): number
  refuseTransactional(request: RequestOf<'TxnOffsetCommit'>, apiVersion: number, error: ErrorName): Encodable<ResponseOf<'TxnOffsetCommit'>>
  commitTransactional(request: RequestOf<'TxnOffsetCommit'>, apiVersion: number): Promise<Encodable<ResponseOf<'TxnOffsetCommit'>>>
} {
  return {
    partitionFor: (groupId) => coordinator.partitionFor(groupId),
    refuseTransactional: (request, apiVersion, error) => refusedTxnOffsetCommit(topics, apiVersion, request, error),
    commitTransactional: (request, apiVersion) => txnOffsetCommit(coordinator, topics, apiVersion, request),
  }
}
