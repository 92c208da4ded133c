// What a StreamsGroupHeartbeat must look like before any group is looked at.

import type { RequestOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { topicNameProblem } from './topic-names.ts'

type Request = RequestOf<'StreamsGroupHeartbeat'>

const JOIN_EPOCH = 0
const LEAVE_EPOCH_MIN = -2

/** Throws INVALID_REQUEST or STREAMS_INVALID_TOPOLOGY. */
export function validateStreamsHeartbeat(request: Request): void {
  const { memberEpoch, topology, activeTasks, standbyTasks, warmupTasks } = request
  if (isBlank(request.memberId)) throw invalid("MemberId can't be empty.")
  if (isBlank(request.groupId)) throw invalid("GroupId can't be empty.")
  if (request.instanceId !== null) throw invalid('Static membership is not yet supported.')
  if (isBlank(request.rackId)) throw invalid("RackId can't be empty.")
  if (request.taskOffsets !== null) throw invalid('TaskOffsets are not supported yet.')
  if (request.taskEndOffsets !== null) throw invalid('TaskEndOffsets are not supported yet.')
  if (warmupTasks !== null && warmupTasks.length > 0) throw invalid('WarmupTasks are not supported yet.')
  if (memberEpoch < LEAVE_EPOCH_MIN) throw invalid(`MemberEpoch is ${memberEpoch}, but must be greater than or equal to -2.`)
  if (activeTasks !== null || standbyTasks !== null || warmupTasks !== null) {
    if (activeTasks === null || standbyTasks === null || warmupTasks === null) throw invalid('If one task-type is non-null, all must be non-null.')
  }
  if (memberEpoch === JOIN_EPOCH) validateJoin(request)
  else if (memberEpoch > JOIN_EPOCH && topology !== null) throw invalid('Topology can only be provided when (re-)joining.')
  if (topology !== null) validateTopology(topology)
}

function validateJoin({ rebalanceTimeoutMs, activeTasks, standbyTasks, warmupTasks, topology }: Request): void {
  if (rebalanceTimeoutMs === -1) throw invalid('RebalanceTimeoutMs must be provided in first request.')
  for (const [name, tasks] of [['Active', activeTasks], ['Standby', standbyTasks], ['Warmup', warmupTasks]] as const) {
    if (tasks === null || tasks.length > 0) throw invalid(`${name}Tasks must be empty when (re-)joining.`)
  }
  if (topology === null) throw invalid('Topology must be non-null when (re-)joining.')
}

function validateTopology({ subtopologies }: NonNullable<Request['topology']>): void {
  for (const { sourceTopics, sourceTopicRegex, repartitionSourceTopics, repartitionSinkTopics, stateChangelogTopics } of subtopologies) {
    if (sourceTopicRegex.length > 0) throw invalid('Regular expressions for source topics are not supported yet.')
    const fixed = stateChangelogTopics.find(({ partitions }) => partitions !== 0)
    if (fixed !== undefined) throw new KafkaError('STREAMS_INVALID_TOPOLOGY', `Changelog topic ${fixed.name} must have an undefined partition count, but it is set to ${fixed.partitions}.`)
    const names = [...sourceTopics, ...repartitionSinkTopics, ...repartitionSourceTopics.map(({ name }) => name), ...stateChangelogTopics.map(({ name }) => name)]
    for (const name of names) {
      const problem = topicNameProblem(name)
      if (problem !== null) throw new KafkaError('STREAMS_INVALID_TOPOLOGY', problem)
    }
  }
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === ''
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_REQUEST', message)
}
