// Programs of our own on stock clients, for what no client's own check asks: each runs against a fresh broker, and where
// that makes sense against Apache Kafka too, and says the same.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Broker } from '../../src/index.ts'
import { output } from './output.ts'
import { withKafka } from './with-kafka.ts'

const run = promisify(execFile)

type Program = (shared: string) => Promise<string | null>

/** Each resolves with what is wrong, or null. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  'dead-letters': async (shared) => lastFault(await onBroker(shared, 'DeadLetters')),
  'streams-groups': async (shared) => {
    const ours = await onBroker(shared, 'StreamsGroup')
    if (lastFault(ours) !== null) return lastFault(ours)
    const theirs = await withKafka(shared, { 'group.streams.initial.rebalance.delay.ms': 0 }, (port) => java(shared, 'StreamsGroup', `127.0.0.1:${port}`))
    return ours === theirs ? null : `Apache Kafka says\n${theirs}\nand this broker\n${ours}`
  },
  timing: (shared) => timing(shared),
}

async function onBroker(shared: string, name: string): Promise<string> {
  const broker = await Broker.start({ settings: { 'group.initial.rebalance.delay.ms': 0, 'group.streams.initial.rebalance.delay.ms': 0 }, logLevel: 'ERROR' })
  try {
    return await java(shared, name, broker.bootstrapServers)
  } finally {
    await broker.close()
  }
}

async function java(shared: string, name: string, bootstrap: string): Promise<string> {
  const jars = (await output(join(shared, 'peer', 'kafka'), ['jars'], false)).text.trim()
  const source = fileURLToPath(new URL(`./programs/${name}.java`, import.meta.url))
  process.env['JAVA_OPTS'] ??= '-Xmx512M -Dlog4j2.level=error -Dlog4j2.StatusLogger.level=off'
  return (await output(join(shared, 'lib', 'java-run'), [jars, source, bootstrap], false)).text
}

function lastFault(text: string): string | null {
  return /^ok /.test(text.trimEnd().split('\n').at(-1) ?? '') ? null : `it ended with:\n${text}`
}

/** kcat writes headers that delay records and end their life, and reads around them. */
async function timing(shared: string): Promise<string | null> {
  await output(join(shared, 'clients', 'kcat'), ['--install'], false)
  const broker = await Broker.start({ logLevel: 'ERROR' })
  const kcat = async (args: readonly string[], input = ''): Promise<string> => {
    const running = run('kcat', ['-b', broker.bootstrapServers, '-t', 'timed', ...args], { timeout: 60_000 })
    running.child.stdin?.end(input)
    return (await running).stdout
  }
  const read = (...args: readonly string[]): Promise<string> => kcat(['-C', '-q', '-o', 'beginning', '-f', '%o %s\n', ...args])
  try {
    await run(process.execPath, [fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)), 'topics', 'create', '--topic', 'timed', '--config', 'delivery.delay.enable=true', '--config', 'record.ttl.enable=true', '--bootstrap-server', broker.bootstrapServers])
    const dueMs = Date.now() + 8000
    await kcat(['-P'], 'now\n')
    await kcat(['-P', '-H', 'millrace.ttl.ms=1'], 'gone\n')
    await kcat(['-P', '-H', `millrace.deliver.at=${dueMs}`], 'later\n')
    await kcat(['-P'], 'behind\n')
    const before = await read('-e')
    if (Date.now() >= dueMs) return 'this machine is too slow to look before the record is due'
    if (before !== '0 now\n') return `before its time kcat reads ${JSON.stringify(before)}`
    const all = await read('-c', '3')
    if (Date.now() < dueMs) return 'a record came before its time'
    return all === '0 now\n2 later\n3 behind\n' ? null : `afterwards kcat reads ${JSON.stringify(all)}`
  } finally {
    await broker.close()
  }
}
