// The two brokers, started the same way: a fresh data directory on the same disk, one address, defaults.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type BrokerKind = 'kafka' | 'millrace'

export type BrokerSetup = {
  readonly kind: BrokerKind
  readonly dir: string
  readonly port: number
  readonly classPath: string
  /** Beside the defaults. */
  readonly settings?: Readonly<Record<string, string | number>>
}

export type RunningBroker = BrokerSetup & {
  readonly pid: number
  readonly bootstrap: string
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Kafka's own defaults for its heap, its collector and its threads. */
export const JVM = ['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true']

/** Makes the directory anew; nothing runs yet. */
export function prepare(setup: BrokerSetup): void {
  rmSync(setup.dir, { recursive: true, force: true })
  mkdirSync(setup.dir, { recursive: true })
  if (setup.kind === 'millrace') return
  const { dir, port, classPath } = setup
  // As in Kafka's own config/server.properties, on other addresses.
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${port + 1}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'num.network.threads': '3',
    'num.io.threads': '8',
    'socket.send.buffer.bytes': '102400',
    'socket.receive.buffer.bytes': '102400',
    'socket.request.max.bytes': '104857600',
    'log.dirs': join(dir, 'data'),
    'num.recovery.threads.per.data.dir': '2',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    ...setup.settings,
  }
  writeFileSync(join(dir, 'server.properties'), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''))
  writeFileSync(join(dir, 'log4j2.properties'), log4j(join(dir, 'server.log')))
  const args = ['-Xmx256M', ...logging(dir), '-cp', classPath, 'kafka.tools.StorageTool', 'format', '--standalone', '-t', 'bWlsbHJhY2UtYmVuY2gtMQ', '-c', join(dir, 'server.properties')]
  const formatted = spawnSync('java', args, { encoding: 'utf8' })
  if (formatted.status !== 0) throw new Error(`Kafka's storage format failed: ${formatted.stderr}${formatted.stdout}`)
}

/** Starts the process on a prepared directory; it may not accept connections yet. */
export function launch(setup: BrokerSetup): RunningBroker {
  const { kind, dir, port, classPath, settings = {} } = setup
  const sets = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const output = openSync(join(dir, 'console.log'), 'a')
  const [command, args] =
    kind === 'kafka'
      ? ['java', [...JVM, ...logging(dir), '-cp', classPath, 'kafka.Kafka', join(dir, 'server.properties')]]
      : [process.execPath, ['dist/cli/main.js', 'serve', '--port', String(port), '--admin-port', 'none', '--data', join(dir, 'data'), ...sets]]
  const child = spawn(command, args, { stdio: ['ignore', output, output] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const pid = child.pid
  if (pid === undefined) throw new Error(`${command} cannot be started`)
  return {
    ...setup,
    pid,
    bootstrap: `127.0.0.1:${port}`,
    async stop(signal = 'SIGTERM') {
      if (isRunning(child)) child.kill(signal)
      await ended
    },
  }
}

/** The last lines that a broker printed, for a failure's message. */
export function consoleOf(setup: BrokerSetup): string {
  const file = join(setup.dir, 'console.log')
  if (!existsSync(file)) return ''
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

export function logging(dir: string): string[] {
  return [`-Dlog4j2.configurationFile=${join(dir, 'log4j2.properties')}`]
}

export function log4j(file: string): string {
  return `status = error\nappender.file.type = File\nappender.file.name = file\nappender.file.fileName = ${file}\nappender.file.layout.type = PatternLayout\nappender.file.layout.pattern = [%d] %p %m (%c)%n\nrootLogger.level = info\nrootLogger.appenderRef.file.ref = file\n`
}
