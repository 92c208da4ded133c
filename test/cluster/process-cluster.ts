// A cluster of processes. What differs between brokers is what a node is told before its first start, and its command.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, closeSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerAddress } from '../support/cluster-client.ts'
import { ClusterClient } from '../support/cluster-client.ts'
import { WireClient } from '../support/wire-client.ts'
import type { ClusterUnderTest, Link, System } from './cluster-under-test.ts'
import type { Hosts } from './hosts.ts'

export type ClusterOptions = {
  readonly hosts: Hosts
  /** Consoles and settings of all nodes go here, and their data where hosts have no disks of their own. */
  readonly dir: string
  /** Beside addresses and roles, the same for each node. */
  readonly settings: Readonly<Record<string, string>>
}

export type NodeSetup = { readonly nodeId: number; readonly dir: string; readonly dataDir: string; readonly settingsFile: string; readonly votes: boolean }

type Node = NodeSetup & { process: ChildProcess | undefined; /** Its end would be nobody's fault. */ mayEnd: boolean }

const VOTERS = [1, 2, 3]
const START_TIMEOUT_MS = 180_000
const ASK_AGAIN_MS = 50
/** A node that is told to stop and does not is killed after this time, and that is told. */
const STOP_TIMEOUT_MS = 60_000

export abstract class ProcessCluster implements ClusterUnderTest {
  abstract readonly system: System
  readonly #options: ClusterOptions
  readonly #unexpectedEnds: string[] = []
  readonly #nodes = new Map<number, Node>()

  constructor(options: ClusterOptions) {
    this.#options = options
    for (const nodeId of VOTERS) this.#addNode(nodeId, true)
    // Whatever ends the harness, no broker is left behind.
    process.once('exit', () => {
      for (const { process: child } of this.#nodes.values()) child?.kill('SIGKILL')
    })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  }

  /** Once per node, before its first start. */
  protected abstract prepare(node: NodeSetup): Promise<void>
  protected abstract command(node: NodeSetup): readonly string[]
  /** Whether a node that is added later is ready to vote, though nobody asked it to; otherwise it is a broker only. */
  protected abstract readonly addedNodeMayVote: boolean

  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  get bootstrap(): readonly BrokerAddress[] {
    return this.nodeIds.map((nodeId) => this.#options.hosts.broker(nodeId))
  }

  get canCutLinks(): boolean {
    return this.#options.hosts.canCutLinks
  }

  get canFillDisks(): boolean {
    return this.#options.hosts.canFillDisks
  }

  takeUnexpectedEnds(): string[] {
    return this.#unexpectedEnds.splice(0)
  }

  async start(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => this.prepare(node)))
    await Promise.all(this.nodeIds.map((nodeId) => this.startNode(nodeId)))
    await this.#untilAllKnown(this.nodeIds.length)
  }

  async startNode(nodeId: number): Promise<void> {
    const node = this.#node(nodeId)
    if (this.isRunning(nodeId)) return
    const console = openSync(join(node.dir, 'console.log'), 'a')
    const [command = '', ...args] = this.#options.hosts.command(nodeId, this.command(node))
    const child = spawn(command, args, { stdio: ['ignore', console, console] })
    closeSync(console)
    child.once('exit', (status, signal) => {
      if (node.mayEnd || node.process !== child) return
      this.#unexpectedEnds.push(`node ${nodeId} ended with ${status ?? signal}, its last words: ${this.#lastWords(node)}`)
    })
    Object.assign(node, { process: child, mayEnd: false })
    await this.#untilAnswered(nodeId)
  }

  async addBroker(): Promise<number> {
    const nodeId = Math.max(...this.nodeIds) + 1
    const node = this.#addNode(nodeId, false)
    await this.prepare(node)
    await this.startNode(nodeId)
    await this.#untilAllKnown([...this.#nodes.keys()].filter((each) => this.isRunning(each)).length)
    return nodeId
  }

  async stopNode(nodeId: number, signal: 'TERM' | 'KILL'): Promise<void> {
    const node = this.#node(nodeId)
    const { process: child } = node
    if (child === undefined || !this.isRunning(nodeId)) return
    const gone = once(child, 'exit')
    node.mayEnd = true
    child.kill(`SIG${signal}`)
    const timer = setTimeout(() => {
      this.#unexpectedEnds.push(`node ${nodeId} did not stop within ${STOP_TIMEOUT_MS / 1_000} s and was killed, its last words: ${this.#lastWords(node)}`)
      child.kill('SIGKILL')
    }, STOP_TIMEOUT_MS)
    await gone
    clearTimeout(timer)
  }

  isRunning(nodeId: number): boolean {
    const child = this.#node(nodeId).process
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  pid(nodeId: number): number {
    return this.#node(nodeId).process?.pid ?? -1
  }

  pause(nodeId: number): void {
    this.#node(nodeId).process?.kill('SIGSTOP')
  }

  resume(nodeId: number): void {
    this.#node(nodeId).process?.kill('SIGCONT')
  }

  cut(links: readonly Link[]): void {
    this.#options.hosts.cut(links)
  }

  mend(links: readonly Link[]): void {
    this.#options.hosts.mend(links)
  }

  fillDisk(nodeId: number): void {
    this.#node(nodeId).mayEnd = true
    this.#options.hosts.fillDisk(nodeId)
  }

  freeDisk(nodeId: number): void {
    this.#options.hosts.freeDisk(nodeId)
    if (this.isRunning(nodeId)) this.#node(nodeId).mayEnd = false
  }

  async controller(): Promise<number> {
    const client = new ClusterClient(this.bootstrap)
    try {
      for (let tries = 0; ; tries++) {
        try {
          const answer = await (await client.any()).call('DescribeQuorum', 1, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })
          const partition = answer.topics[0]?.partitions[0]
          if (answer.errorCode === 0 && partition?.errorCode === 0 && partition.leaderId > 0) return partition.leaderId
          throw new Error(`DescribeQuorum was refused with ${answer.errorCode || partition?.errorCode}`)
        } catch (error) {
          if (tries === 100) throw error
          client.forget()
          await after(ASK_AGAIN_MS)
        }
      }
    } finally {
      client.close()
    }
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.values()) {
      this.resume(node.nodeId)
      node.mayEnd = true
    }
    await Promise.all(this.nodeIds.map((nodeId) => this.stopNode(nodeId, 'KILL')))
  }

  #addNode(nodeId: number, votes: boolean): Node {
    const { hosts, settings } = this.#options
    const dir = join(this.#options.dir, `node-${nodeId}`)
    mkdirSync(dir, { recursive: true })
    const dataDir = hosts.add(nodeId, dir)
    const node: Node = { nodeId, dir, dataDir, settingsFile: join(dir, 'server.properties'), votes, process: undefined, mayEnd: true }
    this.#nodes.set(nodeId, node)
    const text = ({ host, port }: BrokerAddress): string => `${host}:${port}`
    const mayVote = votes || this.addedNodeMayVote
    const listeners = [`PLAINTEXT://${text(hosts.broker(nodeId))}`, ...(mayVote ? [`CONTROLLER://${text(hosts.controller(nodeId))}`] : [])]
    const quorum = votes
      ? { 'controller.quorum.voters': VOTERS.map((voter) => `${voter}@${text(hosts.controller(voter))}`).join(',') }
      : { 'controller.quorum.bootstrap.servers': VOTERS.map((voter) => text(hosts.controller(voter))).join(',') }
    const all = {
      'process.roles': mayVote ? 'broker,controller' : 'broker',
      'node.id': String(nodeId),
      listeners: listeners.join(','),
      'advertised.listeners': listeners.join(','),
      ...quorum,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'default.replication.factor': '3',
      'min.insync.replicas': '2',
      'offsets.topic.replication.factor': '3',
      'transaction.state.log.replication.factor': '3',
      'transaction.state.log.min.isr': '2',
      'share.coordinator.state.topic.replication.factor': '3',
      'share.coordinator.state.topic.min.isr': '2',
      'log.dirs': dataDir,
      ...settings,
    }
    writeFileSync(node.settingsFile, Object.entries(all).map(([name, value]) => `${name}=${value}\n`).join(''))
    return node
  }

  #node(nodeId: number): Node {
    const node = this.#nodes.get(nodeId)
    if (node === undefined) throw new Error(`there is no node ${nodeId}`)
    return node
  }

  async #untilAnswered(nodeId: number): Promise<void> {
    const { host, port } = this.#options.hosts.broker(nodeId)
    await this.#until(nodeId, async () => {
      const client = await WireClient.connect(port, host, 2_000)
      try {
        await client.call('ApiVersions', 0, {})
        return true
      } finally {
        client.close()
      }
    })
  }

  async #untilAllKnown(count: number): Promise<void> {
    for (const nodeId of this.nodeIds.filter((each) => this.isRunning(each))) {
      const { host, port } = this.#options.hosts.broker(nodeId)
      await this.#until(nodeId, async () => {
        const client = await WireClient.connect(port, host, 2_000)
        try {
          return (await client.call('Metadata', 9, { topics: [] })).brokers.length >= count
        } finally {
          client.close()
        }
      })
    }
  }

  /** Asks a node until it says yes; an end of its process, or too long a wait, is told with what it printed. */
  async #until(nodeId: number, ask: () => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + START_TIMEOUT_MS
    for (;;) {
      if (await ask().catch(() => false)) return
      const what = !this.isRunning(nodeId) ? 'ended' : performance.now() > deadlineMs ? `is not ready after ${START_TIMEOUT_MS / 1_000} s` : null
      if (what !== null) throw new Error(`node ${nodeId} ${what}: ${this.#lastWords(this.#node(nodeId))}`)
      await after(ASK_AGAIN_MS)
    }
  }

  #lastWords({ dir }: Node): string {
    return readFileSync(join(dir, 'console.log'), 'utf8').trimEnd().split('\n').slice(-15).join('\n')
  }
}

/** The only waiting here: between two looks at a process. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
