import { createPartitions } from '../../admin/operations/topics.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, parseAddresses, parseInteger } from '../options.ts'
import { printLine } from '../terminal.ts'

export const alterTopic = defineCommand({
  name: 'alter',
  summary: 'Raise the number of partitions of a topic. Keys then map to other partitions than before.',
  examples: ['topics alter --topic orders --partitions 6'],
  configure: command => command
    .requiredOption('--topic <name>', 'name of the topic')
    .requiredOption('--partitions <count>', 'how many partitions the topic is to have')
    .addOption(bootstrapServer()),
  parse: raw => ({
    topic: raw.topic,
    partitionCount: parseInteger('--partitions', raw.partitions, 1, 1_000_000),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
  }),
  async call({ topic, partitionCount, bootstrapServers }, context) {
    await createPartitions(await context.connect(bootstrapServers), topic, partitionCount)
  },
  print(_, { topic, partitionCount }, terminal) {
    printLine(terminal, `Topic ${topic} has ${partitionCount} partitions now.`)
  },
})
