// One member of a streams group, as the log has it. Never changed: what a request or a record changes is a new value.

import type { MemberState } from '../modern/reconcile.ts'
import type { OwnedTasks } from './tasks.ts'
import { NO_TASKS } from './tasks.ts'

export type KeyValue = { readonly key: string; readonly value: string }
export type Endpoint = { readonly host: string; readonly port: number }

export type StreamsMemberMetadata = {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
  /** Members of one process share its state on disk: no two of them have the same task. */
  readonly processId: string
  /** Where interactive queries reach the member. */
  readonly userEndpoint: Endpoint | null
  /** Sorted by key. */
  readonly clientTags: readonly KeyValue[]
}

export type CurrentTasks = {
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly assigned: OwnedTasks
  readonly pendingRevocation: OwnedTasks
}

export type StreamsMember = StreamsMemberMetadata & CurrentTasks

export const NEW_CURRENT_TASKS: CurrentTasks = { memberEpoch: 0, previousMemberEpoch: 0, state: 'STABLE', assigned: NO_TASKS, pendingRevocation: NO_TASKS }

export function newStreamsMember(memberId: string): StreamsMember {
  return {
    memberId, instanceId: null, rackId: null, clientId: '', clientHost: '', rebalanceTimeoutMs: -1, topologyEpoch: -1, processId: '', userEndpoint: null, clientTags: [],
    ...NEW_CURRENT_TASKS,
  }
}

export function sameMetadata(one: StreamsMemberMetadata, other: StreamsMemberMetadata): boolean {
  return one.instanceId === other.instanceId && one.rackId === other.rackId && one.clientId === other.clientId && one.clientHost === other.clientHost &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs && one.topologyEpoch === other.topologyEpoch && one.processId === other.processId &&
    one.userEndpoint?.host === other.userEndpoint?.host && one.userEndpoint?.port === other.userEndpoint?.port && sameKeyValues(one.clientTags, other.clientTags)
}

export function sameKeyValues(one: readonly KeyValue[], other: readonly KeyValue[]): boolean {
  return one.length === other.length && one.every(({ key, value }, index) => other[index]?.key === key && other[index]?.value === value)
}

export function sortedKeyValues(keyValues: readonly KeyValue[]): readonly KeyValue[] {
  return [...new Map(keyValues.map(({ key, value }) => [key, value]))].map(([key, value]) => ({ key, value })).sort((one, other) => (one.key < other.key ? -1 : 1))
}
