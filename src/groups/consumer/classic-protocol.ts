// Members of the classic protocol in a consumer group: JoinGroup takes a step of the group as a heartbeat does, SyncGroup
// hands out what that step gave, and Heartbeat calls for the next one. KIP-848, "online migration".

import type { CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { RequestOf } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { randomUuid } from '../../shared/uuid.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../classic/classic-group.ts'
import type { LeavingMember, LeftMember, SyncAnswer } from '../classic/classic-groups.ts'
import type { JoinAnswer, JoinRequest } from '../classic/classic-join.ts'
import type { MemberProtocol } from '../classic/classic-member.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { throwIfFenced, unknownMember } from './consumer-groups.ts'
import type { ConsumerGroups, ConsumerGroupsDeps } from './consumer-groups.ts'
import type { ClassicMemberMetadata, ConsumerMember } from './consumer-member.ts'
import { JOIN_EPOCH, newMember, topicNames } from './consumer-member.ts'
import { progress } from './consumer-progress.ts'
import { byTopicId, canDowngrade, downgrade, readSubscription, writeAssignment } from './migration.ts'

type ClassicProtocolMember = ConsumerMember & { readonly classic: ClassicMemberMetadata }

/** From this version on a dynamic member is first given an id to join with (KIP-394). */
const MEMBER_ID_REQUIRED_VERSION = 4
const JOIN_DEADLINE = 'join'
const SYNC_DEADLINE = 'sync'

export class ClassicProtocol {
  readonly #deps: ConsumerGroupsDeps
  readonly #groups: ConsumerGroups

  constructor(deps: ConsumerGroupsDeps, groups: ConsumerGroups) {
    this.#deps = deps
    this.#groups = groups
  }

  join(group: ConsumerGroup, request: JoinRequest, answer: JoinAnswer): CoordinatorResult<void> {
    const { groupId } = group
    const { groupInstanceId: instanceId, protocols } = request
    const isUnknown = request.memberId === ''
    const memberId = isUnknown ? randomUuid() : request.memberId
    if (group.members.size >= this.#deps.settings.consumerMaxSize && !group.members.has(memberId)) throw new KafkaError('GROUP_MAX_SIZE_REACHED')
    if (!supports(group, request.protocolType, protocols)) throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s protocols are not supported.`)
    if (isUnknown && instanceId === null && request.apiVersion >= MEMBER_ID_REQUIRED_VERSION) {
      answer({ errorCode: errorCode('MEMBER_ID_REQUIRED'), memberId })
      return NOTHING
    }
    const { before, isNew, replaced } = subscribe(group, memberId, instanceId, isUnknown)
    const subscription = readSubscription(protocols[0]?.metadata ?? new Uint8Array())
    const after: ConsumerMember = {
      ...before,
      instanceId: instanceId ?? before.instanceId,
      rackId: subscription.rackId ?? before.rackId,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      subscribedTopicNames: topicNames(subscription.topics),
      subscribedTopicRegex: '',
      serverAssignor: null,
      clientId: request.clientId,
      clientHost: request.clientHost,
      classic: { sessionTimeoutMs: request.sessionTimeoutMs, supportedProtocols: protocols },
    }
    const result = progress(this.#deps, { group, before, after, isNew, replaced, ownedByMember: byTopicId(subscription.owned, this.#deps.topics), nowMs: this.#deps.nowMs() })
    const { member } = result
    const respond = (): void => answer({ errorCode: 0, memberId: member.memberId, generationId: member.memberEpoch, protocolType: CONSUMER_PROTOCOL_TYPE, protocolName: protocols[0]?.name ?? null, leader: '', members: [] })
    if (replaced !== null && canDowngrade(group, [replaced], member, this.#deps)) {
      const { classic, records } = downgrade(group, [replaced], member, this.#deps)
      return { records, response: undefined, onCommitted: () => {
        this.#groups.timers.cancel(groupId, replaced.memberId)
        this.#deps.onDowngraded(classic)
        respond()
      } }
    }
    return { records: result.records, response: undefined, onCommitted: () => {
      const { timers } = this.#groups
      result.onCommitted()
      if (replaced !== null) timers.cancel(groupId, replaced.memberId)
      timers.cancelDeadline(JOIN_DEADLINE, groupId, member.memberId)
      this.#groups.extendSession(group, member)
      timers.setDeadline(SYNC_DEADLINE, groupId, member.memberId, request.rebalanceTimeoutMs, () => this.#groups.fenceLater('it has not synced in time', groupId, member.memberId))
      respond()
    } }
  }

  sync(group: ConsumerGroup, request: RequestOf<'SyncGroup'>, answer: SyncAnswer): CoordinatorResult<void> {
    const member = this.#member(group, request.memberId, request.groupInstanceId)
    if (member.memberEpoch !== request.generationId) throw new KafkaError('ILLEGAL_GENERATION')
    const first = member.classic.supportedProtocols[0]
    const isOther = (request.protocolType !== null && request.protocolType !== CONSUMER_PROTOCOL_TYPE) || (request.protocolName !== null && request.protocolName !== first?.name)
    if (isOther || first === undefined) throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL')
    // One that is giving partitions up has joined already, and is told them first.
    if (group.groupEpoch > member.memberEpoch && member.state !== 'UNREVOKED_PARTITIONS') {
      this.#awaitJoin(group, member)
      throw new KafkaError('REBALANCE_IN_PROGRESS')
    }
    this.#groups.timers.cancelDeadline(SYNC_DEADLINE, group.groupId, member.memberId)
    this.#groups.extendSession(group, member)
    answer({ errorCode: 0, protocolType: request.protocolType, protocolName: request.protocolName, assignment: writeAssignment(member.assigned, first.metadata, this.#deps.topics) })
    return NOTHING
  }

  heartbeat(group: ConsumerGroup, request: RequestOf<'Heartbeat'>): ErrorName {
    const member = this.#member(group, request.memberId, request.groupInstanceId)
    if (member.memberEpoch !== request.generationId) return 'ILLEGAL_GENERATION'
    this.#groups.extendSession(group, member)
    const { state } = member
    const shallJoin = member.memberEpoch < group.groupEpoch || state === 'UNREVOKED_PARTITIONS' || (state === 'UNRELEASED_PARTITIONS' && !group.waitsForOthers(member))
    if (!shallJoin) return 'NONE'
    this.#awaitJoin(group, member)
    return 'REBALANCE_IN_PROGRESS'
  }

  leave(group: ConsumerGroup, leaving: readonly LeavingMember[]): CoordinatorResult<LeftMember[]> {
    const left = new Set<ConsumerMember>()
    const response = leaving.map(({ memberId, groupInstanceId }): LeftMember => {
      try {
        // An administrator removes members of either protocol this way, static ones by their instance alone.
        const member = find(group, memberId, groupInstanceId, groupInstanceId !== null && memberId === '')
        left.add(member)
        return { memberId: member.memberId, groupInstanceId }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        return { memberId, groupInstanceId, errorCode: error.errorCode }
      }
    })
    return left.size === 0 ? { records: [], response } : this.#groups.remove(group, [...left], response)
  }

  #awaitJoin(group: ConsumerGroup, { memberId, rebalanceTimeoutMs }: ConsumerMember): void {
    const { timers } = this.#groups
    if (timers.hasDeadline(JOIN_DEADLINE, group.groupId, memberId)) return
    timers.setDeadline(JOIN_DEADLINE, group.groupId, memberId, rebalanceTimeoutMs, () => this.#groups.fenceLater('it has not joined again in time', group.groupId, memberId))
  }

  /** A member of the classic protocol; throws UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
  #member(group: ConsumerGroup, memberId: string, instanceId: string | null): ClassicProtocolMember {
    const member = find(group, memberId, instanceId, false)
    const { classic } = member
    if (classic === null) throw new KafkaError('UNKNOWN_MEMBER_ID', `Member ${member.memberId} does not use the classic protocol.`)
    return { ...member, classic }
  }
}

function find(group: ConsumerGroup, memberId: string, instanceId: string | null, byInstance: boolean): ConsumerMember {
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined) throw unknownMember(group.groupId, memberId, instanceId)
  if (instanceId !== null && !byInstance) throwIfFenced(member, memberId, instanceId)
  return member
}

const NOTHING: CoordinatorResult<void> = { records: [], response: undefined }

function subscribe(group: ConsumerGroup, memberId: string, instanceId: string | null, isUnknown: boolean): { before: ConsumerMember; isNew: boolean; replaced: ConsumerMember | null } {
  const known = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (known === undefined) {
    if (instanceId !== null && !isUnknown) throw unknownMember(group.groupId, memberId, instanceId)
    return { before: newMember(memberId), isNew: true, replaced: null }
  }
  if (instanceId === null) return { before: known, isNew: false, replaced: null }
  if (!isUnknown) {
    throwIfFenced(known, memberId, instanceId)
    return { before: known, isNew: false, replaced: null }
  }
  return { before: { ...known, memberId, memberEpoch: JOIN_EPOCH, previousMemberEpoch: JOIN_EPOCH }, isNew: false, replaced: known }
}

/** Whether a protocol is among them that all members of the classic protocol have. */
function supports(group: ConsumerGroup, protocolType: string, protocols: readonly MemberProtocol[]): boolean {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE || protocols.length === 0) return false
  const members = [...group.members.values()].flatMap(({ classic }) => (classic === null ? [] : [classic]))
  return protocols.some(({ name }) => members.every(({ supportedProtocols }) => supportedProtocols.some((protocol) => protocol.name === name)))
}
