// Brokers of one cluster inside this process, each with its own directory, on free ports.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import type { ClusterImage, PartitionImage } from '../../src/metadata/cluster-image.ts'
import { Logging } from '../../src/shared/logger.ts'
import { freePort } from './free-port.ts'

type Place = { readonly dir: string; readonly port: number; readonly controllerPort: number }

export class ClusterNodes {
  readonly #root = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
  readonly #places = new Map<number, Place>()
  readonly #settings: Readonly<Record<string, string>>
  readonly nodes = new Map<number, BrokerNode>()

  constructor(settings: Readonly<Record<string, string>> = {}) {
    this.#settings = settings
  }

  /** Starts brokers that begin a cluster together. */
  async begin(ids: readonly number[]): Promise<void> {
    for (const id of ids) await this.#place(id)
    const voters = ids.map((id) => `${id}@127.0.0.1:${this.#places.get(id)?.controllerPort}`).join(',')
    await Promise.all(ids.map((id) => this.start(id, { 'controller.quorum.voters': voters })))
  }

  /** Starts a broker where it was before, or a new one that finds the others. */
  async start(id: number, settings: Readonly<Record<string, string>> = {}): Promise<BrokerNode> {
    const { dir, port, controllerPort } = await this.#place(id)
    const others = [...this.#places].filter(([other]) => other !== id).map(([, place]) => `127.0.0.1:${place.controllerPort}`)
    const values = {
      'node.id': String(id),
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'log.dirs': dir,
      'controller.quorum.bootstrap.servers': others.join(','),
      'controller.quorum.election.timeout.ms': '300',
      'controller.quorum.fetch.timeout.ms': '600',
      'broker.heartbeat.interval.ms': '100',
      'num.network.threads': '1',
      'group.initial.rebalance.delay.ms': '0',
      'replica.fetch.backoff.ms': '50',
      ...this.#settings,
      ...settings,
    }
    const config = loadBrokerConfig([{ origin: 'test', values: new Map(Object.entries(values)) }])
    const node = await BrokerNode.start({ config, logging: new Logging({ level: process.env.LOG_LEVEL === undefined ? 'FATAL' : 'DEBUG' }) })
    this.nodes.set(id, node)
    return node
  }

  async stop(id: number): Promise<void> {
    const node = this.node(id)
    this.nodes.delete(id)
    await node.close()
  }

  /** A stopped broker loses its disk. */
  wipe(id: number): void {
    rmSync(this.#places.get(id)?.dir ?? '', { recursive: true, force: true })
  }

  node(id: number): BrokerNode {
    const node = this.nodes.get(id)
    if (node === undefined) throw new Error(`node ${id} is not running`)
    return node
  }

  port(id: number): number {
    return this.#places.get(id)?.port ?? 0
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((id) => this.stop(id)))
    rmSync(this.#root, { recursive: true, force: true })
  }

  async #place(id: number): Promise<Place> {
    const place = this.#places.get(id) ?? { dir: join(this.#root, String(id)), port: await freePort(), controllerPort: await freePort() }
    this.#places.set(id, place)
    return place
  }
}

/** Resolves with what `find` makes of the node's image, once that is something. */
export function image<T>(node: BrokerNode, find: (image: ClusterImage) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = find(node.metadata.image)
      if (found !== undefined) resolve(found)
    }
    node.metadata.onChange(look)
    look()
  })
}

/** The same for one partition. */
export function partition(node: BrokerNode, topic: string, index: number, is: (partition: PartitionImage) => boolean): Promise<PartitionImage> {
  return image(node, ({ topicsByName }) => {
    const found = topicsByName.get(topic)?.partitions[index]
    return found !== undefined && is(found) ? found : undefined
  })
}
