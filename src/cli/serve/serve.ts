import { readFileSync } from 'node:fs'
import { BrokerNode } from '../../broker/broker.ts'
import { loadBrokerConfig } from '../../config/broker-config.ts'
import type { BrokerConfig, ConfigInput } from '../../config/broker-config.ts'
import { parseProperties } from '../../config/properties.ts'
import { MillraceError, errorMessage } from '../../shared/errors.ts'
import { UsageError, defineCommand } from '../command.ts'
import { collect, parseInteger, parseProperties as parsePairs } from '../options.ts'
import { printLine } from '../terminal.ts'
import type { Terminal } from '../terminal.ts'
import { guardProcess } from './guard.ts'

const PORT_MAX = 65_535

export const serve = defineCommand({
  name: 'serve',
  summary: 'Run a broker until it is told to stop (SIGTERM or Ctrl-C).',
  examples: ['serve', 'serve --data ./data --port 9092', 'serve server.properties --set log.retention.hours=24'],
  configure: command => command
    .argument('[server.properties]', "a configuration file in Kafka's format")
    .option('--data <dir>', 'directory for the data (log.dirs); ./data by default')
    .option('--port <port>', 'port for clients on 127.0.0.1; other addresses are set with listeners')
    .option('--admin-port <port>', 'port of the HTTP admin API on 127.0.0.1, or "none"')
    .option('--set <key=value>', "any of Kafka's broker settings; may be given several times", collect),
  parse: (raw, [file]) => ({ config: loadBrokerConfig(configInputs({ ...raw, file })) }),
  call: async ({ config }, { terminal }) => await runBroker(config, [], terminal),
  print: () => {},
})

type ServeOptions = { file: string | undefined; data?: string | undefined; port?: string | undefined; adminPort?: string | undefined; set?: string[] | undefined }

/** File, then `--set`, then the options of their own: what comes later counts. */
export function configInputs({ file, data, port, adminPort, set }: ServeOptions): ConfigInput[] {
  const inputs: ConfigInput[] = []
  if (file !== undefined) inputs.push({ origin: file, values: readProperties(file) })
  if (set !== undefined) inputs.push({ origin: '--set', values: new Map(Object.entries(parsePairs('--set', set))) })
  if (data !== undefined) inputs.push({ origin: '--data', values: new Map([['log.dirs', data]]) })
  if (port !== undefined) {
    const number = parseInteger('--port', port, 0, PORT_MAX)
    inputs.push({ origin: '--port', values: new Map([['listeners', `PLAINTEXT://127.0.0.1:${number}`]]) })
  }
  if (adminPort !== undefined) {
    const address = adminPort === 'none' ? '' : `http://127.0.0.1:${parseInteger('--admin-port', adminPort, 0, PORT_MAX)}`
    inputs.push({ origin: '--admin-port', values: new Map([['admin.listener', address]]) })
  }
  return inputs
}

/** Runs a broker until the terminal's signal, and says so in a few lines once it accepts connections. */
export async function runBroker(config: BrokerConfig, adopt: readonly string[], terminal: Terminal): Promise<void> {
  const node = await BrokerNode.start({ config, adopt })
  const guard = guardProcess(process, node.logging.logger('broker'))
  const admin = config.settings['admin.listener'] === '' ? undefined : await startedAdmin(node, config.settings['admin.listener'])
  const addresses = node.listeners.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
  printLine(terminal, `Millrace is listening on ${addresses.join(', ')}`)
  printLine(terminal, `  data     ${config.logDirs.join(', ')} (node ${config.nodeId} of cluster ${node.clusterId})`)
  if (admin !== undefined) printLine(terminal, `  admin    ${admin.url}`)
  printLine(terminal, `  try it   echo hello | npx millrace produce --bootstrap-server ${addresses[0]} --topic greetings`)
  if (config.withoutEffect.length > 0) printLine(terminal, `  settings without effect here: ${config.withoutEffect.join(', ')}`)
  await aborted(AbortSignal.any([terminal.signal, guard.broken]))
  admin?.close()
  await node.close()
  guard.release()
  if (guard.broken.aborted) throw new MillraceError('BROKEN', `stopped after an exception that was not caught: ${errorMessage(guard.broken.reason)}`, guard.broken.reason)
}

/** A broker whose admin API cannot start does not start either. */
async function startedAdmin(node: BrokerNode, address: string): Promise<{ url: string; close(): void }> {
  try {
    const { startAdmin } = await import('../../admin/start.ts')
    return await startAdmin(node, address)
  } catch (error) {
    await node.close()
    throw error
  }
}

function readProperties(file: string): Map<string, string> {
  try {
    return parseProperties(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${errorMessage(error)}`)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
