// A node of the metadata quorum over the addon.

import type { FoundQuorum, QuorumEvent, QuorumNode, QuorumOptions, QuorumStatus, QuorumVoter } from '../native.ts'
import { MillraceError, errorMessage } from '../shared/errors.ts'
import type { Uuid } from '../shared/uuid.ts'
import { loadAddon } from './addon.ts'
import type { AddonQuorumNode } from './addon.ts'
import { Packer } from './packing.ts'
import { readQuorumInbox } from './quorum-inbox.ts'

const INBOX_BYTES = 64 * 1024

type Pending = { resolve: (value: bigint) => void; reject: (error: Error) => void }

/**
 * Starts a node of the metadata quorum; what it tells goes to `onEvent`, in order and from before this resolves. Throws
 * a MillraceError with code QUORUM where it cannot.
 */
export async function openQuorum(options: QuorumOptions, onEvent: (event: QuorumEvent) => void): Promise<QuorumNode> {
  const { NativeQuorumNode } = await loadAddon()
  const { host, ...rest } = options
  const node = new AddonBackedQuorumNode((wake) => new NativeQuorumNode(host === null ? rest : { ...rest, host }, wake), onEvent)
  await node.open()
  return node
}

/** Asks the nodes that listen there in turn; null where none answers. One that knows a leader goes before others. */
export async function findQuorum(servers: readonly { host: string; port: number }[]): Promise<FoundQuorum | null> {
  const { findQuorum: find } = await loadAddon()
  const found = await find([...servers])
  return found === null ? null : { clusterId: found.clusterId as Uuid, nodeId: found.nodeId, leaderId: found.leader < 0 ? null : found.leader }
}

class AddonBackedQuorumNode implements QuorumNode {
  port = 0
  readonly #addon: AddonQuorumNode
  readonly #inbox = Buffer.allocUnsafeSlow(INBOX_BYTES)
  readonly #packer = new Packer()
  readonly #pending = new Map<number, Pending>()
  readonly #handlers: Parameters<typeof readQuorumInbox>[2]
  #lastToken = 0
  #closed = false

  constructor(create: (wake: () => void) => AddonQuorumNode, onEvent: (event: QuorumEvent) => void) {
    this.#handlers = { event: onEvent, done: (token, outcome) => this.#done(token, outcome) }
    this.#addon = create(() => this.#drain())
  }

  async open(): Promise<void> {
    try {
      this.port = await this.#addon.open()
    } catch (error) {
      this.#closed = true
      await this.#addon.close()
      throw new MillraceError('QUORUM', errorMessage(error), error)
    }
  }

  propose(epoch: number, records: readonly Uint8Array[]): Promise<bigint> {
    const packed = this.#pack(records)
    return this.#call((token) => this.#addon.propose(token, epoch, packed))
  }

  saveSnapshot(lastOffset: bigint, records: readonly Uint8Array[]): void {
    this.#addon.saveSnapshot(Number(lastOffset), this.#pack(records))
  }

  async addVoter(voter: QuorumVoter): Promise<void> {
    await this.#call((token) => this.#addon.addVoter(token, voter))
  }

  async removeVoter(nodeId: number, directoryId: Uuid): Promise<void> {
    await this.#call((token) => this.#addon.removeVoter(token, nodeId, directoryId))
  }

  async addObserver(observer: QuorumVoter): Promise<void> {
    await this.#call((token) => this.#addon.addObserver(token, observer))
  }

  async removeObserver(nodeId: number): Promise<void> {
    await this.#call((token) => this.#addon.removeObserver(token, nodeId))
  }

  async resign(): Promise<void> {
    await this.#call((token) => this.#addon.resign(token))
  }

  async status(): Promise<QuorumStatus> {
    const { leader, epoch, highWatermark, nodes } = await this.#addon.status()
    return {
      leaderId: leader < 0 ? null : leader,
      epoch,
      highWatermark: BigInt(highWatermark),
      nodes: nodes.map((node) => ({ ...node, directoryId: node.directoryId as Uuid, logEndOffset: BigInt(node.logEndOffset) })),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#addon.close()
    for (const { reject } of this.#pending.values()) reject(new MillraceError('QUORUM', 'the quorum was closed'))
    this.#pending.clear()
  }

  #pack(records: readonly Uint8Array[]): Buffer {
    for (const record of records) this.#packer.blob(record)
    return this.#packer.take()
  }

  #call(begin: (token: number) => void): Promise<bigint> {
    return new Promise<bigint>((resolve, reject) => {
      if (this.#closed) throw new MillraceError('QUORUM', 'the quorum was closed')
      this.#lastToken = (this.#lastToken + 1) >>> 0
      const token = this.#lastToken
      begin(token)
      this.#pending.set(token, { resolve, reject })
    })
  }

  #done(token: number, outcome: bigint | Error): void {
    const pending = this.#pending.get(token)
    this.#pending.delete(token)
    if (outcome instanceof Error) pending?.reject(outcome)
    else pending?.resolve(outcome)
  }

  #drain(): void {
    while (!this.#closed) {
      const length = this.#addon.drain(this.#inbox)
      if (length === 0) return
      if (length > 0) {
        readQuorumInbox(this.#inbox, length, this.#handlers)
      } else {
        const large = Buffer.allocUnsafeSlow(-length)
        readQuorumInbox(large, this.#addon.drain(large), this.#handlers)
      }
    }
  }
}
