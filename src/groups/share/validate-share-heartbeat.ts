// What a ShareGroupHeartbeat must look like before any group is looked at.

import type { RequestOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { JOIN_EPOCH, LEAVE_EPOCH } from './share-member.ts'

/** Throws INVALID_REQUEST. */
export function validateShareHeartbeat({ memberId, groupId, rackId, memberEpoch, subscribedTopicNames }: RequestOf<'ShareGroupHeartbeat'>): void {
  if (isBlank(memberId)) throw invalid("MemberId can't be empty.")
  if (isBlank(groupId)) throw invalid("GroupId can't be empty.")
  if (rackId !== null && isBlank(rackId)) throw invalid("RackId can't be empty.")
  if (memberEpoch === JOIN_EPOCH) {
    if (subscribedTopicNames === null || subscribedTopicNames.length === 0) throw invalid('SubscribedTopicNames must be set in first request.')
  } else if (memberEpoch < LEAVE_EPOCH) throw invalid('MemberEpoch is invalid.')
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
