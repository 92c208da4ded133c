import { abortTransaction } from '../../admin/operations/transactions.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, parseAddresses, parseInteger } from '../options.ts'
import { printLine } from '../terminal.ts'

export const abort = defineCommand({
  name: 'abort',
  summary: 'Abort a transaction that hangs on a partition, known by the offset it begins at.',
  examples: ['transactions abort --topic orders --partition 0 --start-offset 0'],
  configure: command => command
    .requiredOption('--topic <name>', 'the topic')
    .requiredOption('--partition <partition>', 'the partition')
    .requiredOption('--start-offset <offset>', 'first offset of the transaction in the partition')
    .addOption(bootstrapServer()),
  parse: raw => ({
    topic: raw.topic,
    partition: parseInteger('--partition', raw.partition, 0),
    startOffset: parseInteger('--start-offset', raw.startOffset, 0),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
  }),
  call: async ({ topic, partition, startOffset, bootstrapServers }, context) => abortTransaction(await context.connect(bootstrapServers), topic, partition, startOffset),
  print(producer, { topic, partition }, terminal) {
    printLine(terminal, `Aborted the transaction of producer ${producer.producerId} on partition ${topic}-${partition}.`)
  },
})
