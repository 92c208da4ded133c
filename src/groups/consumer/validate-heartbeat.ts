// What a ConsumerGroupHeartbeat must look like before any group is looked at.

import type { RequestOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from './consumer-member.ts'

/** From this version on members make up their ids themselves. */
const CLIENT_MEMBER_ID_VERSION = 1

/** Throws INVALID_REQUEST or UNSUPPORTED_ASSIGNOR. */
export function validateHeartbeat(request: RequestOf<'ConsumerGroupHeartbeat'>, apiVersion: number, assignorNames: readonly string[]): void {
  const { memberEpoch, memberId, instanceId, serverAssignor } = request
  if (isBlank(request.groupId)) throw invalid("GroupId can't be empty.")
  if (isBlank(instanceId)) throw invalid("InstanceId can't be empty.")
  if (isBlank(request.rackId)) throw invalid("RackId can't be empty.")
  if ((memberEpoch !== JOIN_EPOCH || apiVersion >= CLIENT_MEMBER_ID_VERSION) && isBlank(memberId)) throw invalid("MemberId can't be empty.")
  if (memberEpoch === JOIN_EPOCH) validateJoin(request)
  else if (memberEpoch === STATIC_LEAVE_EPOCH && instanceId === null) throw invalid("InstanceId can't be null.")
  else if (memberEpoch < STATIC_LEAVE_EPOCH) throw invalid(`MemberEpoch is ${memberEpoch}, but must be greater than or equal to -2.`)
  if (memberEpoch > LEAVE_EPOCH && serverAssignor !== null && !assignorNames.includes(serverAssignor)) {
    throw new KafkaError('UNSUPPORTED_ASSIGNOR', `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignorNames.join(', ')}.`)
  }
}

function validateJoin({ rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex }: RequestOf<'ConsumerGroupHeartbeat'>): void {
  if (rebalanceTimeoutMs === -1) throw invalid('RebalanceTimeoutMs must be provided in first request.')
  if (topicPartitions === null || topicPartitions.length > 0) throw invalid('TopicPartitions must be empty when (re-)joining.')
  if (subscribedTopicNames === null && subscribedTopicRegex === null) throw invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === ''
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
