import { describeTransaction } from '../../admin/operations/transactions.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable, formatTimestamp } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const describe = defineCommand({
  name: 'describe',
  summary: 'Describe the transaction of a transactional id.',
  examples: ['transactions describe --transactional-id billing-1'],
  configure: command => command.requiredOption('--transactional-id <id>', 'the transactional id').addOption(bootstrapServer()).addOption(json()),
  parse: raw => ({ transactionalId: raw.transactionalId, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  call: async ({ transactionalId, bootstrapServers }, context) => describeTransaction(await context.connect(bootstrapServers), transactionalId),
  print(transaction, { json }, terminal) {
    if (json) return printJson(terminal, transaction)
    const partitions = transaction.topics.flatMap(({ topic, partitions: indexes }) => indexes.map(index => `${topic}-${index}`)).join(',')
    const row = [
      transaction.transactionalId, transaction.producerId, transaction.producerEpoch, transaction.state, transaction.timeoutMs,
      formatTimestamp(transaction.startTimestampMs), partitions || null,
    ]
    for (const line of formatTable(['TRANSACTIONAL-ID', 'PRODUCER-ID', 'EPOCH', 'STATE', 'TIMEOUT-MS', 'STARTED', 'PARTITIONS'], [row])) printLine(terminal, line)
  },
})
