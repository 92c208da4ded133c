// Finds the command, runs it, turns what happened into an exit code: 0 done, 1 failed, 2 not understood.

import { Command, CommanderError } from '@commander-js/extra-typings'
import { errorMessage } from '../shared/errors.ts'
import { ClusterClient } from './client/cluster-client.ts'
import { type CommandContext, type CommandEntry, UsageError } from './command.ts'
import type { Terminal } from './terminal.ts'

const EXIT_OK = 0
const EXIT_FAILED = 1
const EXIT_USAGE = 2

const CONNECT_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000

type LazyCommand = { readonly name: string; readonly summary: string; load(): Promise<CommandEntry> }

/** Each command is loaded only when it is the one that runs: `serve` must not wait for the rest. */
export const COMMANDS: readonly LazyCommand[] = [
  { name: 'serve', summary: 'run a broker', load: async () => (await import('./serve/serve.ts')).serve },
  { name: 'topics', summary: 'create, list, describe, alter and delete topics', load: async () => (await import('./topics/topics.ts')).topics },
  { name: 'produce', summary: 'write records from standard input or a file', load: async () => (await import('./produce/produce.ts')).produce },
  { name: 'consume', summary: 'read records', load: async () => (await import('./consume/consume.ts')).consume },
  { name: 'groups', summary: 'list, describe and delete consumer groups, reset their offsets', load: async () => (await import('./groups/groups.ts')).groups },
  { name: 'configs', summary: 'describe and alter configs of topics and brokers', load: async () => (await import('./configs/configs.ts')).configs },
  { name: 'offsets', summary: 'look up offsets: earliest, latest, by time', load: async () => (await import('./offsets/offsets.ts')).offsets },
  { name: 'cluster', summary: 'set up, describe, balance and change a cluster', load: async () => (await import('./cluster/cluster.ts')).cluster },
  { name: 'transactions', summary: 'list, describe and abort transactions', load: async () => (await import('./transactions/transactions.ts')).transactions },
  { name: 'log', summary: 'show what the files of a log hold', load: async () => (await import('./log/log.ts')).log },
  { name: 'adopt', summary: 'take over topics of a Kafka data directory', load: async () => (await import('./adopt/adopt.ts')).adopt },
]

/** Runs `millrace ARGUMENTS` and returns the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const clients: ClusterClient[] = []
  const context: CommandContext = {
    terminal,
    async connect(bootstrapServers) {
      const client = await ClusterClient.connect(bootstrapServers, { clientId: 'millrace-cli', connectTimeoutMs: CONNECT_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS })
      clients.push(client)
      return client
    },
  }
  try {
    await (await buildProgram(args[0], context)).parseAsync([...args], { from: 'user' })
    return EXIT_OK
  } catch (error) {
    return report(error, terminal)
  } finally {
    for (const client of clients) client.close()
  }
}

async function buildProgram(name: string | undefined, context: CommandContext): Promise<Command> {
  const program = new Command('millrace').description('A Kafka broker and its tools.')
  const chosen = COMMANDS.find(command => command.name === name)
  if (chosen !== undefined) program.addCommand((await chosen.load()).build(context))
  else for (const { name: other, summary } of COMMANDS) program.addCommand(new Command(other).description(summary))
  program.addHelpText('after', '\nExamples:\n  millrace serve --data ./data --port 9092\n  millrace topics create --topic orders --partitions 3\n\nEach command explains itself: millrace COMMAND --help\n')
  program.helpCommand(false)
  configure(program, context.terminal)
  return program
}

/** Subcommands inherit nothing from their parent once they are built, so each is told. */
function configure(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: text => void terminal.stdout.write(text),
    writeErr: text => void terminal.stderr.write(text),
    getErrHelpWidth: () => 100,
    getOutHelpWidth: () => 100,
  })
  for (const subcommand of command.commands) configure(subcommand as Command, terminal)
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  if (error instanceof UsageError) {
    terminal.stderr.write(`error: ${error.message}\n`)
    return EXIT_USAGE
  }
  terminal.stderr.write(`error: ${errorMessage(error)}\n`)
  return EXIT_FAILED
}
