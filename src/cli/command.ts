// What a command is: its options, and three functions. parse turns options into a typed value, call does the work, print shows it.

import { Command, type OptionValues } from '@commander-js/extra-typings'
import type { BrokerAddress } from '../interbroker/inter-broker.ts'
import { MillraceError } from '../shared/errors.ts'
import type { ClusterClient } from './client/cluster-client.ts'
import type { Terminal } from './terminal.ts'

/** The command line makes no sense; exit code 2. */
export class UsageError extends MillraceError {
  constructor(message: string) {
    super('USAGE', message)
  }
}

/** What a command needs from outside besides the terminal. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Connects to a cluster; the connection is closed when the command ends. Throws ConnectionError. */
  connect(bootstrapServers: readonly BrokerAddress[]): Promise<ClusterClient>
}

/** A leaf of the command tree, or a group of commands. */
export type CommandEntry = {
  readonly name: string
  readonly summary: string
  /** Command lines as a user types them after `millrace`; every one is run by a test. */
  readonly examples: readonly string[]
  readonly subcommands: readonly CommandEntry[]
  build(context: CommandContext): Command
}

export type CommandDefinition<Args extends any[], Raw extends OptionValues, Options, Result> = {
  name: string
  summary: string
  examples: readonly string[]
  configure(command: Command): Command<Args, Raw>
  /** Throws UsageError. */
  parse(raw: Raw, args: Args): Options
  call(options: Options, context: CommandContext): Promise<Result>
  print(result: Result, options: Options, terminal: Terminal): void | Promise<void>
}

export function defineCommand<Args extends any[], Raw extends OptionValues, Options, Result>(
  definition: CommandDefinition<Args, Raw, Options, Result>,
): CommandEntry & CommandDefinition<Args, Raw, Options, Result> {
  return {
    ...definition,
    subcommands: [],
    build(context) {
      const command = definition.configure(new Command(definition.name).description(definition.summary))
      const run = async (...received: unknown[]) => {
        const args = received.slice(0, -2) as Args
        const options = definition.parse(command.opts(), args)
        await definition.print(await definition.call(options, context), options, context.terminal)
      }
      return withExamples(command as unknown as Command, definition.examples).action(run)
    },
  }
}

export function defineGroup(name: string, summary: string, subcommands: readonly CommandEntry[]): CommandEntry {
  return {
    name,
    summary,
    examples: subcommands.flatMap(({ examples }) => examples.slice(0, 1)),
    subcommands,
    build(context) {
      const command = withExamples(new Command(name).description(summary), this.examples)
      for (const subcommand of subcommands) command.addCommand(subcommand.build(context))
      return command
    },
  }
}

function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map(example => `  millrace ${example}`).join('\n')}\n`)
}
