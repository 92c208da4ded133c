import { listTransactions } from '../../admin/operations/transactions.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const list = defineCommand({
  name: 'list',
  summary: 'List transactional ids and their state.',
  examples: ['transactions list', 'transactions list --json'],
  configure: command => command.addOption(bootstrapServer()).addOption(json()),
  parse: raw => ({ bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  call: async ({ bootstrapServers }, context) => listTransactions(await context.connect(bootstrapServers)),
  print(listed, { json }, terminal) {
    if (json) return printJson(terminal, listed)
    const rows = listed.map(({ transactionalId, producerId, state }) => [transactionalId, producerId, state])
    for (const line of formatTable(['TRANSACTIONAL-ID', 'PRODUCER-ID', 'STATE'], rows)) printLine(terminal, line)
  },
})
