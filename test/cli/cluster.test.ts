// The cluster commands against a broker of its own: what they write, what they show, what they refuse.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { parseProperties } from '../../src/config/properties.ts'
import { run } from '../../src/cli/run.ts'
import { Broker } from '../../src/index.ts'

let broker: Broker
let directory: string

beforeAll(async () => {
  broker = await Broker.start()
  directory = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
})

afterAll(async () => {
  await broker.close()
  rmSync(directory, { recursive: true })
})

async function millrace(...args: string[]): Promise<{ status: number; output: string }> {
  const stream = new PassThrough({ encoding: 'utf8' })
  let output = ''
  stream.on('data', (text: string) => (output += text))
  const status = await run(args, { stdin: new PassThrough().end() as never, stdout: stream, stderr: stream, interactive: false, nowMs: Date.now, signal: new AbortController().signal })
  stream.end()
  return { status, output }
}

const onBroker = (...args: string[]) => millrace('cluster', ...args, '--bootstrap-server', broker.bootstrapServers)
const settingsOf = (file: string): Map<string, string> => parseProperties(readFileSync(file, 'utf8'))

describe('init and join', () => {
  it('write what serve reads, and say how to start it', async () => {
    const file = join(directory, 'node1.properties')
    const data = join(directory, 'node1')
    const { status, output } = await millrace('cluster', 'init', '--config', file, '--data', data, '--rack', 'a')
    expect([status, output]).toEqual([0, `Wrote ${file}; the data will be in ${data}. Start the node with:\n  millrace serve ${file}\n`])
    expect(existsSync(data)).toBe(true)
    const config = loadBrokerConfig([{ origin: file, values: settingsOf(file) }])
    expect([config.nodeId, config.logDirs, config.settings['broker.rack']]).toEqual([1, [data], 'a'])
    expect(config.settings['controller.quorum.bootstrap.servers']).toEqual(['127.0.0.1:9093'])
    expect(config.listeners.bind).toEqual([{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }])
  })

  it('leave alone what is there', async () => {
    const file = join(directory, 'node1.properties')
    expect((await millrace('cluster', 'init', '--config', file, '--data', join(directory, 'other'))).output).toContain('is there already')
    writeFileSync(join(directory, 'node1', 'meta.properties'), '')
    const { status, output } = await millrace('cluster', 'init', '--config', join(directory, 'again.properties'), '--data', join(directory, 'node1'))
    expect([status, existsSync(join(directory, 'again.properties'))]).toEqual([1, false])
    expect(output).toContain('holds data already')
  })

  it('a further node finds the controllers, and asks to vote where that is wanted', async () => {
    const file = join(directory, 'node2.properties')
    const { status } = await millrace('cluster', 'join', '--config', file, '--data', join(directory, 'node2'), '--node-id', '2', '--port', '9192', '--controller-port', '9193', '--bootstrap-controller', '127.0.0.1:9093', '--auto-join')
    expect(status).toBe(0)
    expect(Object.fromEntries(settingsOf(file))).toMatchObject({
      'node.id': '2',
      listeners: 'PLAINTEXT://127.0.0.1:9192,CONTROLLER://127.0.0.1:9193',
      'controller.quorum.bootstrap.servers': '127.0.0.1:9093',
      'controller.quorum.auto.join.enable': 'true',
    })
  })

  it.each([
    [['init', '--port', '9093'], 'are both 9093'],
    [['init', '--controller-quorum-voters', '2@127.0.0.1:9193'], 'node 1 itself is not among them'],
    [['join', '--node-id', '2', '--bootstrap-controller', 'nowhere'], '"nowhere" is not host:port'],
    [['join', '--node-id', '2'], '--bootstrap-controller'],
    [['drain', '--broker-id', 'x'], 'not a whole number'],
    [['add-voter', '--controller-id', '2', '--controller-listener', '127.0.0.1:1'], 'NAME://host:port'],
    [['upgrade', '--all', '--feature', 'group.version=1'], 'not both'],
  ])('%j is not understood', async (args, message) => {
    const { status, output } = await millrace('cluster', ...args)
    expect(status).toBe(2)
    expect(output).toContain(message)
  })
})

describe('a cluster', () => {
  it('has a status, as a table and as JSON', async () => {
    expect((await onBroker('status')).output).toMatch(/Quorum: leader 1, epoch \d+/)
    expect(JSON.parse((await onBroker('status', '--json')).output)).toMatchObject({ controllerId: 1, brokers: [{ brokerId: 1, draining: false }] })
  })

  it('has a plan', async () => {
    expect(await onBroker('plan')).toEqual({ status: 0, output: 'Brokers hold alike: nothing to move.\n' })
  })

  it('keeps what nobody else can take, and says so before anything changes', async () => {
    expect((await millrace('topics', 'create', '--topic', 'held', '--partitions', '2', '--bootstrap-server', broker.bootstrapServers)).status).toBe(0)
    const { status, output } = await onBroker('drain', '--broker-id', '1', '--wait')
    expect(status).toBe(1)
    expect(output).toMatch(/\d+ replicas cannot leave broker 1, such as .*: add a broker/)
    expect(JSON.parse((await onBroker('status', '--json')).output).brokers[0].draining).toBe(false)
    expect(await onBroker('undrain', '--broker-id', '1')).toEqual({ status: 0, output: 'Broker 1 takes replicas again.\n' })
    expect((await onBroker('drain', '--broker-id', '9')).output).toContain('not part of the cluster')
  })

  it('shows and raises feature levels', async () => {
    expect((await onBroker('upgrade')).output).toMatch(/metadata\.version\s+7\s+\d+/)
    expect((await onBroker('upgrade', '--all')).output).toContain('highest level that all brokers support')
    expect((await onBroker('upgrade', '--feature', 'group.version=99')).status).toBe(1)
    const dry = JSON.parse((await onBroker('upgrade', '--feature', 'group.version=1', '--dry-run', '--json')).output)
    expect(dry).toMatchObject({ dryRun: true, upgraded: [{ feature: 'group.version', level: 1 }] })
  })

  it('tells who is no voter', async () => {
    expect((await onBroker('remove-voter', '--controller-id', '2')).output).toContain('node 2 is no voter of the quorum: voters are 1')
    expect((await onBroker('add-voter', '--controller-id', '2', '--controller-listener', 'CONTROLLER://127.0.0.1:9193')).output).toContain('controller.quorum.bootstrap.servers')
  })
})
