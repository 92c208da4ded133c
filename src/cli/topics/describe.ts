import { describeConfigs } from '../../admin/operations/configs.ts'
import { describeTopics } from '../../admin/operations/topics.ts'
import type { Topic } from '../../admin/schemas/topics.ts'
import type { ApiCaller } from '../../broker/api.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'
import { topicPattern } from './topic-pattern.ts'

type DescribedTopic = Topic & { configs: Record<string, string | null> }

export const describeTopicCommand = defineCommand({
  name: 'describe',
  summary: 'Describe topics: partitions, leaders, replicas, and configs that differ from the default.',
  examples: ['topics describe --topic orders', 'topics describe --exclude-internal', 'topics describe --topic orders --json'],
  configure: command => command
    .option('--topic <pattern>', 'topics that match this regular expression (default: all)')
    .option('--exclude-internal', "leave Kafka's own topics out", false)
    .option('--if-exists', 'succeed when no topic matches', false)
    .option('--topics-with-overrides', 'only topics with configs of their own', false)
    .option('--under-replicated-partitions', 'only partitions with replicas out of sync', false)
    .option('--unavailable-partitions', 'only partitions without a leader', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({
    pattern: raw.topic === undefined ? null : topicPattern(raw.topic),
    topic: raw.topic ?? null,
    excludeInternal: raw.excludeInternal,
    ifExists: raw.ifExists,
    onlyOverridden: raw.topicsWithOverrides,
    onlyUnderReplicated: raw.underReplicatedPartitions,
    onlyUnavailable: raw.unavailablePartitions,
    bootstrapServers: parseAddresses(raw.bootstrapServer),
    json: raw.json,
  }),
  async call(options, context): Promise<DescribedTopic[]> {
    const caller = await context.connect(options.bootstrapServers)
    const matching = (await describeTopics(caller, null))
      .filter(topic => !(options.excludeInternal && topic.internal) && (options.pattern?.test(topic.name) ?? true))
    if (matching.length === 0 && options.pattern !== null && !options.ifExists) {
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `no topic matches ${options.topic}`)
    }
    const described: DescribedTopic[] = []
    for (const topic of matching) {
      const configs = await overriddenConfigs(caller, topic.name)
      if (options.onlyOverridden && Object.keys(configs).length === 0) continue
      const partitions = topic.partitions.filter(partition =>
        (!options.onlyUnderReplicated || partition.isr.length < partition.replicas.length) && (!options.onlyUnavailable || partition.leader < 0))
      if (partitions.length > 0) described.push({ ...topic, partitions, configs })
    }
    return described
  },
  print(topics, { json }, terminal) {
    if (json) return printJson(terminal, topics)
    for (const [index, topic] of topics.entries()) {
      if (index > 0) printLine(terminal)
      printTopic(topic, line => printLine(terminal, line))
    }
  },
})

async function overriddenConfigs(caller: ApiCaller, name: string): Promise<Record<string, string | null>> {
  const configs = await describeConfigs(caller, { type: 'topic', name })
  return Object.fromEntries(configs.filter(({ source }) => source === 'DYNAMIC_TOPIC_CONFIG').map(config => [config.name, config.value]))
}

function printTopic(topic: DescribedTopic, line: (text: string) => void): void {
  const configs = Object.entries(topic.configs).map(([name, value]) => `${name}=${value}`).join(',')
  line(`Topic: ${topic.name}  TopicId: ${topic.topicId}  PartitionCount: ${topic.partitionCount}  ReplicationFactor: ${topic.replicationFactor}  Configs: ${configs || '-'}`)
  const rows = topic.partitions.map(({ partition, leader, leaderEpoch, replicas, isr, offlineReplicas }) =>
    [partition, leader < 0 ? 'none' : leader, leaderEpoch, replicas.join(','), isr.join(','), offlineReplicas.join(',') || null])
  for (const text of formatTable(['PARTITION', 'LEADER', 'LEADER-EPOCH', 'REPLICAS', 'ISR', 'OFFLINE'], rows)) line(`  ${text}`)
}
