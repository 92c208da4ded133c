import { Type } from '@sinclair/typebox'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { AdminContext } from '../context.ts'
import { route } from '../http/route.ts'
import { resetGroupOffsets } from '../operations/group-offsets.ts'
import { deleteGroups, describeGroup, findCoordinator, listGroups } from '../operations/groups.ts'
import type { RecordAge } from '../operations/groups.ts'
import { GroupId } from '../schemas/fields.ts'
import { Group, GroupSummary, OffsetReset, ResetOffsets } from '../schemas/groups.ts'

const OneGroup = Type.Object({ group: GroupId })

export const groupRoutes = [
  route({
    method: 'GET',
    path: '/groups',
    operationId: 'listGroups',
    summary: 'All groups, by id.',
    response: Type.Object({ groups: Type.Array(GroupSummary) }),
    answer: async ({ caller }) => ({ groups: await listGroups(caller) }),
  }),
  route({
    method: 'GET',
    path: '/groups/{group}',
    operationId: 'describeGroup',
    summary: 'A group with its members, offsets, and lag in records and in seconds.',
    params: OneGroup,
    response: Group,
    answer: (context, { params }) => describeGroup(context.caller, params.group, recordAge(context)),
  }),
  route({
    method: 'POST',
    path: '/groups/{group}/offsets',
    operationId: 'resetOffsets',
    summary: 'Moves the offsets of a group without members.',
    params: OneGroup,
    body: OffsetReset,
    response: ResetOffsets,
    answer: async ({ caller, clock }, { params, body }) => {
      // The first question brings the topic of offsets into being.
      await findCoordinator(caller, params.group)
      return resetGroupOffsets(caller, params.group, body, clock.nowMs())
    },
  }),
  route({
    method: 'DELETE',
    path: '/groups/{group}',
    operationId: 'deleteGroup',
    summary: 'Deletes a group without members and its offsets.',
    params: OneGroup,
    response: null,
    answer: ({ caller }, { params }) => deleteGroups(caller, [params.group]),
  }),
]

/** The age of a record by its own timestamp, in seconds as lag counts it; only one batch is read for it. */
function recordAge({ records, clock }: AdminContext): RecordAge {
  return async (topic, partition, offset) => {
    try {
      const [batch] = await records.read(topic, partition, offset, 1)
      const record = batch?.records.find((each) => each.offset >= offset)
      return record === undefined ? null : Math.max(0, clock.nowMs() - record.timestampMs) / 1000
    } catch (error) {
      // The record is gone, or nobody leads its partition at the moment: all else about the group can be told.
      if (error instanceof KafkaError) return null
      throw error
    }
  }
}
