import { createTopic } from '../../admin/operations/topics.ts'
import type { NewTopic } from '../../admin/schemas/topics.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses, parseInteger, parseProperties } from '../options.ts'
import { printJson, printLine } from '../terminal.ts'

const INT16_MAX = 32767

export const createTopicCommand = defineCommand({
  name: 'create',
  summary: 'Create a topic.',
  examples: [
    'topics create --topic orders --partitions 3',
    'topics create --topic audit --config retention.ms=86400000 --config compression.type=zstd',
    'topics create --topic reminders --config delivery.delay.enable=true --config record.ttl.enable=true',
    'topics create --topic orders --if-not-exists',
  ],
  configure: command => command
    .requiredOption('--topic <name>', 'name of the topic')
    .option('--partitions <count>', "number of partitions (default: the broker's num.partitions)")
    .option('--replication-factor <count>', "replicas of each partition (default: the broker's default.replication.factor)")
    .option('--replica-assignment <assignment>', 'broker ids of each partition, such as 1:2,2:3, instead of the two counts')
    .option('--config <name=value>', 'topic config, can be repeated', collect)
    .option('--if-not-exists', 'succeed when the topic exists already', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse(raw) {
    const topic: NewTopic = { name: raw.topic }
    if (raw.partitions !== undefined) topic.partitionCount = parseInteger('--partitions', raw.partitions, 1, 1_000_000)
    if (raw.replicationFactor !== undefined) topic.replicationFactor = parseInteger('--replication-factor', raw.replicationFactor, 1, INT16_MAX)
    if (raw.replicaAssignment !== undefined) topic.replicaAssignment = parseAssignment(raw.replicaAssignment)
    if (raw.config !== undefined) topic.configs = parseProperties('--config', raw.config)
    if (topic.replicaAssignment !== undefined && (topic.partitionCount !== undefined || topic.replicationFactor !== undefined)) {
      throw new UsageError('--replica-assignment says both counts: leave --partitions and --replication-factor out')
    }
    return { topic, ifNotExists: raw.ifNotExists, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }
  },
  async call({ topic, ifNotExists, bootstrapServers }, context) {
    try {
      return await createTopic(await context.connect(bootstrapServers), topic)
    } catch (error) {
      if (ifNotExists && error instanceof KafkaError && error.errorName === 'TOPIC_ALREADY_EXISTS') return null
      throw error
    }
  },
  print(created, { topic, json }, terminal) {
    if (json) printJson(terminal, { created: created !== null, topic: created })
    else if (created === null) printLine(terminal, `Topic ${topic.name} exists already.`)
    else printLine(terminal, `Created topic ${created.name} with ${created.partitionCount} partition${created.partitionCount === 1 ? '' : 's'}.`)
  },
})

function parseAssignment(text: string): number[][] {
  return text.split(',').map(partition => partition.split(':').map(brokerId => parseInteger('--replica-assignment', brokerId, 0)))
}
