import { deleteTopics, listTopics } from '../../admin/operations/topics.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, parseAddresses } from '../options.ts'
import { printLine } from '../terminal.ts'
import { topicPattern } from './topic-pattern.ts'

export const deleteTopic = defineCommand({
  name: 'delete',
  summary: 'Delete topics with all their records.',
  examples: ['topics delete --topic orders', "topics delete --topic 'test-.*' --if-exists"],
  configure: command => command
    .requiredOption('--topic <pattern>', 'topics whose names match this regular expression')
    .option('--if-exists', 'succeed when no topic matches', false)
    .addOption(bootstrapServer()),
  parse: raw => ({ topic: raw.topic, pattern: topicPattern(raw.topic), ifExists: raw.ifExists, bootstrapServers: parseAddresses(raw.bootstrapServer) }),
  async call({ topic, pattern, ifExists, bootstrapServers }, context) {
    const caller = await context.connect(bootstrapServers)
    const names = (await listTopics(caller)).map(({ name }) => name).filter(name => pattern.test(name))
    if (names.length === 0 && !ifExists) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `no topic matches ${topic}`)
    if (names.length > 0) await deleteTopics(caller, names)
    return names
  },
  print(names, _, terminal) {
    for (const name of names) printLine(terminal, `Deleted topic ${name}.`)
  },
})
