// The move of a live group between the classic and the consumer protocol (KIP-848): up with the first member of the
// consumer protocol, back when the last of them has gone. Members of the classic protocol notice a rebalance, no more.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { decodeRecordBody, encodeRecordBody, MalformedMessage } from '../../protocol/codec.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { ClassicGroup, CONSUMER_PROTOCOL_TYPE } from '../classic/classic-group.ts'
import { ClassicMember } from '../classic/classic-member.ts'
import type { MemberProtocol } from '../classic/classic-member.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { fromTopicPartitions } from '../modern/assignment.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { newMember, topicNames } from './consumer-member.ts'
import { currentAssignmentRecord, groupRecord, memberRecord, targetEpochRecord, targetRecord } from './consumer-records.ts'

export type MigrationDeps = { readonly settings: GroupSettings; readonly topics: TopicLookup; readonly logger: Logger; nowMs(): number }

/** Subscriptions and assignments start with an int16 version; all later versions begin with version 0's fields. */
const VERSION_SIZE_BYTES = 2
const SUBSCRIPTION_VERSION_MAX = 3

type Subscription = { topics: readonly string[]; rackId: string | null; owned: { topic: string; partitions: number[] }[] }

/** Reads a subscription of the consumer protocol as its members embed it in JoinGroup. Throws MalformedMessage. */
export function readSubscription(metadata: Uint8Array): Subscription {
  const version = versionOf(metadata)
  const { topics, rackId, ownedPartitions } = decodeRecordBody('ConsumerProtocolSubscription', Math.min(version, SUBSCRIPTION_VERSION_MAX), metadata.subarray(VERSION_SIZE_BYTES))
  return { topics, rackId, owned: ownedPartitions }
}

/** An assignment in the version that the member speaks. */
export function writeAssignment(partitions: Assignment | OwnedPartitions, metadata: Uint8Array, topics: TopicLookup): Uint8Array {
  const version = Math.min(Math.max(versionOf(metadata), 0), SUBSCRIPTION_VERSION_MAX)
  const assignedPartitions = [...partitions].flatMap(([topicId, each]) => {
    const name = topics.byId(topicId)?.name
    return name === undefined ? [] : [{ topic: name, partitions: [...each.keys()].sort((one, other) => one - other) }]
  })
  const body = encodeRecordBody('ConsumerProtocolAssignment', version, { assignedPartitions, userData: null })
  const assignment = Buffer.alloc(VERSION_SIZE_BYTES + body.length)
  assignment.writeInt16BE(version)
  assignment.set(body, VERSION_SIZE_BYTES)
  return assignment
}

/** Partitions by topic id; topics that are gone are left out. */
export function byTopicId(partitions: readonly { topic: string; partitions: readonly number[] }[], topics: TopicLookup): Assignment {
  return fromTopicPartitions(partitions.flatMap(({ topic, partitions: each }) => {
    const id = topics.byName(topic)?.id
    return id === undefined ? [] : [{ topicId: id, partitions: each }]
  }))
}

function versionOf(metadata: Uint8Array): number {
  if (metadata.length < VERSION_SIZE_BYTES) throw new MalformedMessage('a subscription has no version')
  return new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength).getInt16(0)
}

/** The classic group as a consumer group, and the records that make it one; undefined where it cannot become one. Its parked requests are answered. */
export function upgrade(group: ClassicGroup, deps: MigrationDeps): { group: ConsumerGroup; records: CoordinatorRecord[] } | undefined {
  const { settings, logger } = deps
  const { groupId } = group
  if (group.isEmpty() && group.members.size === 0) return { group: new ConsumerGroup(groupId), records: group.tombstones() }
  const isAllowed = settings.consumerMigrationPolicy === 'bidirectional' || settings.consumerMigrationPolicy === 'upgrade'
  if (!isAllowed || !group.usesConsumerProtocol() || group.members.size > settings.consumerMaxSize) {
    logger.info('a classic group cannot move to the consumer protocol', { groupId, policy: settings.consumerMigrationPolicy, protocolType: group.protocolType, memberCount: group.members.size })
    return undefined
  }
  try {
    const upgraded = toConsumerGroup(group, deps)
    const rejoin = errorCode('REBALANCE_IN_PROGRESS')
    for (const member of group.members.values()) {
      group.answerJoin(member, { errorCode: rejoin, memberId: member.memberId })
      member.answerSync({ errorCode: rejoin })
    }
    const members = [...upgraded.members.values()]
    const records = [
      ...group.tombstones(),
      ...members.map((member) => memberRecord(groupId, member)),
      groupRecord(groupId, upgraded.groupEpoch, 0n),
      ...members.map(({ memberId }) => targetRecord(groupId, memberId, upgraded.targetOf(memberId))),
      targetEpochRecord(groupId, upgraded.assignmentEpoch, deps.nowMs()),
      ...members.map((member) => currentAssignmentRecord(groupId, member.memberId, member)),
    ]
    logger.info('a group moves to the consumer protocol', { groupId, memberCount: members.length })
    return { group: upgraded, records }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    logger.warn('a classic group cannot move to the consumer protocol: its members cannot be understood', { groupId, error: error.message })
    return undefined
  }
}

/** All members keep what the last generation gave them: it is their target and what they have. */
function toConsumerGroup(group: ClassicGroup, { topics }: MigrationDeps): ConsumerGroup {
  const upgraded = new ConsumerGroup(group.groupId)
  const epoch = group.generationId
  upgraded.groupEpoch = epoch
  upgraded.assignmentEpoch = epoch
  for (const member of group.members.values()) {
    const { memberId } = member
    // Whatever the strategy, all protocols of a consumer carry the same subscription.
    const subscription = readSubscription(member.metadata(group.protocolName ?? member.protocols[0]?.name ?? null))
    const target = member.assignment.length === 0 ? (new Map<Uuid, Set<number>>()) : byTopicId(decodeRecordBody('ConsumerProtocolAssignment', 0, member.assignment.subarray(VERSION_SIZE_BYTES)).assignedPartitions, topics)
    upgraded.replayMember(memberId, {
      ...newMember(memberId),
      instanceId: member.groupInstanceId,
      rackId: subscription.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: topicNames(subscription.topics),
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      classic: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: member.protocols },
    })
    upgraded.replayTarget(memberId, target)
    upgraded.replayCurrentAssignment(memberId, {
      memberEpoch: epoch, previousMemberEpoch: epoch, state: 'STABLE', pendingRevocation: new Map(),
      assigned: new Map([...target].map(([topicId, partitions]) => [topicId, new Map([...partitions].map((partition) => [partition, epoch]))])),
    })
  }
  return upgraded
}

/** Whether only members of the classic protocol are left once `leaving` have gone and `joining` has taken a place. */
export function canDowngrade(group: ConsumerGroup, leaving: readonly ConsumerMember[], joining: ConsumerMember | null, { settings, logger }: MigrationDeps): boolean {
  const gone = new Set(leaving.map(({ memberId }) => memberId))
  const left = [...group.members.values()].filter(({ memberId }) => !gone.has(memberId) && memberId !== joining?.memberId)
  const memberCount = left.length + (joining === null ? 0 : 1)
  if (memberCount === 0 || !left.every(({ classic }) => classic !== null) || leaving.every(({ classic }) => classic !== null)) return false
  const isAllowed = settings.consumerMigrationPolicy === 'bidirectional' || settings.consumerMigrationPolicy === 'downgrade'
  if (isAllowed && memberCount <= settings.groupMaxSize) return true
  logger.info('a consumer group cannot move back to the classic protocol', { groupId: group.groupId, policy: settings.consumerMigrationPolicy, memberCount })
  return false
}

/** The consumer group as a Stable classic group without `leaving`, and the records that make it one. */
export function downgrade(group: ConsumerGroup, leaving: readonly ConsumerMember[], joining: ConsumerMember | null, deps: MigrationDeps): { classic: ClassicGroup; records: CoordinatorRecord[] } {
  const { groupId } = group
  const gone = new Set(leaving.map(({ memberId }) => memberId))
  const classic = new ClassicGroup(groupId)
  classic.generationId = group.groupEpoch
  classic.state = 'Stable'
  classic.stateTimestampMs = deps.nowMs()
  const members = [...group.members.values()].filter(({ memberId }) => !gone.has(memberId) && memberId !== joining?.memberId)
  if (joining !== null) members.push(joining)
  for (const member of members) {
    classic.add(new ClassicMember({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.classic?.sessionTimeoutMs ?? deps.settings.consumerSessionTimeoutMs,
      protocols: member.classic?.supportedProtocols ?? [],
    }), CONSUMER_PROTOCOL_TYPE)
  }
  classic.protocolName = classic.selectProtocol()
  classic.updateSubscribedTopics()
  for (const member of classic.members.values()) {
    // A member that takes a leaving one's place has its assignment, too.
    const source = member.memberId === joining?.memberId ? (leaving[0]?.memberId ?? member.memberId) : member.memberId
    member.assignment = writeAssignment(group.targetOf(source), protocolMetadata(member.protocols, classic.protocolName), deps.topics)
  }
  deps.logger.info('a group moves back to the classic protocol', { groupId, memberCount: classic.members.size })
  return { classic, records: [...group.tombstones(), classic.metadataRecord(null)] }
}

function protocolMetadata(protocols: readonly MemberProtocol[], name: string): Uint8Array {
  return protocols.find((protocol) => protocol.name === name)?.metadata ?? new Uint8Array(VERSION_SIZE_BYTES)
}
