import { listTopics } from '../../admin/operations/topics.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { printJson, printLine } from '../terminal.ts'
import { topicPattern } from './topic-pattern.ts'

export const listTopicsCommand = defineCommand({
  name: 'list',
  summary: 'List topics.',
  examples: ['topics list', "topics list --topic 'orders.*'", 'topics list --exclude-internal --json'],
  configure: command => command
    .option('--topic <pattern>', 'only topics that match this regular expression')
    .option('--exclude-internal', "leave Kafka's own topics out", false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({
    pattern: raw.topic === undefined ? null : topicPattern(raw.topic),
    excludeInternal: raw.excludeInternal,
    bootstrapServers: parseAddresses(raw.bootstrapServer),
    json: raw.json,
  }),
  async call({ pattern, excludeInternal, bootstrapServers }, context) {
    const topics = await listTopics(await context.connect(bootstrapServers))
    return topics.filter(topic => !(excludeInternal && topic.internal) && (pattern?.test(topic.name) ?? true))
  },
  print(topics, { json }, terminal) {
    if (json) printJson(terminal, topics)
    else for (const { name } of topics) printLine(terminal, name)
  },
})
