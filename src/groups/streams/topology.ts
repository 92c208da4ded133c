// The topology of a streams application, and what the broker's topics make of it: how many tasks each subtopology has, how
// many partitions its internal topics need, and which of those are missing.

import type { StreamsGroupTopologyValue } from '../../protocol/messages.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { KeyValue } from './streams-member.ts'

export type Topology = Pick<StreamsGroupTopologyValue, 'epoch' | 'subtopologies'>
export type Subtopology = Topology['subtopologies'][number]
export type InternalTopic = { readonly name: string; readonly partitionCount: number; readonly replicationFactor: number; readonly configs: readonly KeyValue[] }

export type ConfiguredSubtopology = {
  readonly subtopologyId: string
  readonly taskCount: number
  readonly isStateful: boolean
  /** Source and repartition source topics. */
  readonly inputTopics: readonly string[]
}

export type TopologyProblem = { readonly status: 'MISSING_SOURCE_TOPICS' | 'INCORRECTLY_PARTITIONED_TOPICS' | 'MISSING_INTERNAL_TOPICS'; readonly detail: string }

export type ConfiguredTopology = {
  readonly epoch: number
  /** By id, in the order of ids; null where the topics do not allow it. */
  readonly subtopologies: ReadonlyMap<string, ConfiguredSubtopology> | null
  /** Partitions of internal topics, as decided. */
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly missingTopics: readonly InternalTopic[]
  /** Null for a topology that can run. */
  readonly problem: TopologyProblem | null
}

class TopologyError extends Error {
  readonly status: TopologyProblem['status']

  constructor(status: TopologyProblem['status'], detail: string) {
    super(detail)
    this.status = status
  }
}

/** Topics named in a message; of the others only their number is told. */
const NAMED_TOPIC_COUNT = 5

export function inputTopics({ sourceTopics, repartitionSourceTopics }: Subtopology): string[] {
  return [...sourceTopics, ...repartitionSourceTopics.map(({ name }) => name)]
}

/** All topics that the topology reads, keeps or writes. */
export function topologyTopics({ subtopologies }: Topology): Set<string> {
  return new Set(subtopologies.flatMap((subtopology) => [...inputTopics(subtopology), ...subtopology.stateChangelogTopics.map(({ name }) => name)]))
}

export function configureTopology(topology: Topology, topics: TopicLookup): ConfiguredTopology {
  try {
    requireSourceTopics(topology, topics)
    const decided = new Map<string, number>()
    const countOf = (topic: string): number | undefined => topics.byName(topic)?.partitionCount ?? decided.get(topic)
    decideRepartitionTopics(topology, decided, countOf)
    for (const subtopology of topology.subtopologies) for (const group of copartitionGroups(subtopology)) enforceCopartitioning(topology, group, decided, countOf)
    decideChangelogTopics(topology, decided, countOf)
    const subtopologies = new Map(
      [...topology.subtopologies].sort((one, other) => (one.subtopologyId < other.subtopologyId ? -1 : 1)).map((subtopology) => [subtopology.subtopologyId, {
        subtopologyId: subtopology.subtopologyId,
        taskCount: mostPartitions(subtopology, countOf),
        isStateful: subtopology.stateChangelogTopics.length > 0,
        inputTopics: inputTopics(subtopology),
      }]),
    )
    const missingTopics = findMissing(topology, decided, topics)
    const problem = missingTopics.length === 0 ? null : { status: 'MISSING_INTERNAL_TOPICS' as const, detail: `Internal topics are missing: ${summary(missingTopics.map(({ name }) => name))}` }
    return { epoch: topology.epoch, subtopologies, partitionCounts: decided, missingTopics, problem }
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error
    return { epoch: topology.epoch, subtopologies: null, partitionCounts: new Map(), missingTopics: [], problem: { status: error.status, detail: error.message } }
  }
}

function requireSourceTopics({ subtopologies }: Topology, topics: TopicLookup): void {
  const missing = new Set(subtopologies.flatMap(({ sourceTopics }) => sourceTopics.filter((topic) => topics.byName(topic) === undefined)))
  if (missing.size > 0) throw new TopologyError('MISSING_SOURCE_TOPICS', `Source topics ${summary([...missing])} are missing.`)
}

/** A repartition topic has as many partitions as the widest input of those who write to it. */
function decideRepartitionTopics({ subtopologies }: Topology, decided: Map<string, number>, countOf: (topic: string) => number | undefined): void {
  const open = new Set<string>()
  for (const { name, partitions } of subtopologies.flatMap(({ repartitionSourceTopics }) => repartitionSourceTopics)) {
    if (partitions === 0) open.add(name)
    else decided.set(name, partitions)
  }
  const writers = new Map([...open].map((name) => [name, subtopologies.filter(({ repartitionSinkTopics }) => repartitionSinkTopics.includes(name))]))
  for (const [name, each] of writers) {
    if (each.length === 0) throw new TopologyError('MISSING_SOURCE_TOPICS', `Failed to compute number of partitions for all repartition topics, because a repartition source topic is never used as a sink topic. (${name})`)
  }
  const isOpen = (topic: string): boolean => open.has(topic) && decided.get(topic) === undefined
  for (let hasProgressed = true; hasProgressed;) {
    hasProgressed = false
    for (const [name, each] of writers) {
      if (!isOpen(name) || each.some((subtopology) => inputTopics(subtopology).some(isOpen))) continue
      decided.set(name, Math.max(...each.map((subtopology) => mostPartitions(subtopology, countOf))))
      hasProgressed = true
    }
  }
  if ([...open].some(isOpen)) {
    throw new TopologyError('MISSING_SOURCE_TOPICS', 'Failed to compute number of partitions for all repartition topics. There may be loops in the topology that cannot be resolved.')
  }
}

function copartitionGroups({ copartitionGroups: groups, sourceTopics, repartitionSourceTopics }: Subtopology): string[][] {
  return groups.map((group) => [
    ...group.sourceTopics.map((index) => sourceTopics[index] ?? ''),
    ...group.repartitionSourceTopics.map((index) => repartitionSourceTopics[index]?.name ?? ''),
  ].filter((topic) => topic !== ''))
}

/** Topics that are joined partition by partition must have the same number of them; repartition topics that may be chosen follow the others. */
function enforceCopartitioning({ subtopologies }: Topology, group: readonly string[], decided: Map<string, number>, countOf: (topic: string) => number | undefined): void {
  const repartition = new Map(subtopologies.flatMap(({ repartitionSourceTopics }) => repartitionSourceTopics.map(({ name, partitions }) => [name, partitions !== 0] as const)))
  const sources = group.filter((topic) => !repartition.has(topic))
  const fixed = group.filter((topic) => repartition.get(topic) === true)
  const open = group.filter((topic) => repartition.get(topic) === false)
  const sourceCounts = new Set(sources.map(countOf))
  if (sourceCounts.size > 1) throw new TopologyError('INCORRECTLY_PARTITIONED_TOPICS', `Following topics do not have the same number of partitions: [{${sources.map((topic) => `${topic}=${countOf(topic)}`).join(', ')}}]`)
  const [sourceCount] = sourceCounts
  const fixedCounts = new Set(fixed.map(countOf))
  const [fixedCount] = fixedCounts
  if (sourceCount !== undefined) {
    const other = fixed.find((topic) => countOf(topic) !== sourceCount)
    if (other !== undefined) throw new TopologyError('INCORRECTLY_PARTITIONED_TOPICS', `Number of partitions [${countOf(other)}] of repartition topic [${other}] doesn't match number of partitions [${sourceCount}] of the source topic.`)
  } else if (fixedCounts.size > 1) {
    throw new TopologyError('INCORRECTLY_PARTITIONED_TOPICS', `Following topics do not have the same number of partitions: [{${fixed.map((topic) => `${topic}=${countOf(topic)}`).join(', ')}}]`)
  }
  const count = sourceCount ?? fixedCount ?? Math.max(...open.map((topic) => countOf(topic) ?? 0))
  for (const topic of open) decided.set(topic, count)
}

/** A store has a changelog partition for each task. */
function decideChangelogTopics({ subtopologies }: Topology, decided: Map<string, number>, countOf: (topic: string) => number | undefined): void {
  for (const subtopology of subtopologies) {
    for (const { name } of subtopology.stateChangelogTopics) decided.set(name, mostPartitions(subtopology, countOf))
  }
}

function mostPartitions(subtopology: Subtopology, countOf: (topic: string) => number | undefined): number {
  return Math.max(0, ...inputTopics(subtopology).map((topic) => countOf(topic) ?? 0))
}

function findMissing({ subtopologies }: Topology, decided: ReadonlyMap<string, number>, topics: TopicLookup): InternalTopic[] {
  const missing = new Map<string, InternalTopic>()
  for (const { repartitionSourceTopics, stateChangelogTopics } of subtopologies) {
    for (const { name, replicationFactor, topicConfigs } of [...repartitionSourceTopics, ...stateChangelogTopics]) {
      const partitionCount = decided.get(name) ?? 0
      const existing = topics.byName(name)
      if (existing === undefined) missing.set(name, { name, partitionCount, replicationFactor: replicationFactor === 0 ? -1 : replicationFactor, configs: topicConfigs })
      else if (existing.partitionCount !== partitionCount) {
        throw new TopologyError('INCORRECTLY_PARTITIONED_TOPICS', `Existing topic ${name} has different number of partitions: expected ${partitionCount}, found ${existing.partitionCount}`)
      }
    }
  }
  return [...missing.values()]
}

function summary(topics: readonly string[]): string {
  const sorted = [...topics].sort()
  const more = sorted.length - NAMED_TOPIC_COUNT
  return more > 0 ? `${sorted.slice(0, NAMED_TOPIC_COUNT).join(', ')} and ${more} additional topics` : sorted.join(', ')
}
