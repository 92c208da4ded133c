// Producers that commit offsets of a group within transactions: begin, commit the next value, and commit or abort the
// transaction. What a transaction has committed shows in the group's offsets, and what it has aborted never does.

import { TOPIC } from './clients.ts'
import type { ClientParts } from './clients.ts'
import { Caller } from './calls.ts'
import type { AnsweredBy, Commit, GroupChecks } from './group-checks.ts'
import type { SimulatedNode } from './node.ts'

const RETRY_MS = 100
const TRANSACTION_TIMEOUT_MS = 6000
/** Shorter than it may take a broker to answer, now and then: what is answered too late belongs to a transaction that is over. */
const OFFSETS_TIMEOUT_MS = 400
const END_TRIES = 20

type ProducerId = { readonly producerId: bigint; readonly producerEpoch: number }

export class TransactionalCommitter {
  readonly #parts: ClientParts
  readonly #groupId: string
  readonly #transactionalId: string
  readonly #checks: GroupChecks
  readonly #caller: Caller
  #value = 0

  constructor(parts: ClientParts, groupId: string, checks: GroupChecks) {
    this.#parts = parts
    this.#groupId = groupId
    this.#transactionalId = `${groupId} transactions`
    this.#checks = checks
    this.#caller = new Caller(parts, `transactions of ${groupId}`)
    this.#begin()
  }

  /** The transaction that is open is left to its time-out. */
  stop(): void {
    this.#caller.stop()
  }

  /** Whatever was under way for this id is aborted, or is what it was. */
  #begin(): void {
    const request = { transactionalId: this.#transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS, producerId: -1n, producerEpoch: -1, enable2Pc: false, keepPreparedTxn: false }
    this.#caller.findCoordinator(1, this.#transactionalId, (node) => {
      if (node === null) return this.#beginAgain()
      this.#caller.ask(node, 'InitProducerId', 5, request, (response) => {
        if (response?.errorCode !== 0) return this.#beginAgain()
        this.#next(response)
      })
    })
  }

  #beginAgain(): void {
    this.#caller.after(RETRY_MS, 'begins again', () => this.#begin())
  }

  #next(producer: ProducerId): void {
    const { world } = this.#parts
    this.#caller.after(world.between(20, 300), 'goes on', () => this.#commitOffset(producer))
  }

  #commitOffset(producer: ProducerId): void {
    const { world } = this.#parts
    this.#caller.findCoordinator(0, this.#groupId, (node) => {
      if (node === null) return this.#next(producer)
      const value = this.#value++
      const commit = this.#checks.onSent(this.#groupId, value)
      const partitions = [{ partitionIndex: 0, committedOffset: BigInt(value), committedLeaderEpoch: -1, committedMetadata: '' }]
      const { producerId, producerEpoch } = producer
      const request = { transactionalId: this.#transactionalId, groupId: this.#groupId, producerId, producerEpoch, generationId: -1, memberId: '', groupInstanceId: null, topics: [{ name: TOPIC, partitions }] }
      let answeredBy: AnsweredBy | null = null
      this.#caller.ask(node, 'TxnOffsetCommit', 5, request, (response) => {
        const isWritten = response?.topics[0]?.partitions[0]?.errorCode === 0
        this.#end(producer, commit, isWritten && !world.chance(4) ? answeredBy : null, END_TRIES)
      }, {
        onArrival: () => this.#checks.onArrived(commit),
        onAnswer: (response) => {
          if (response.topics?.[0]?.partitions?.[0]?.errorCode === 0) answeredBy = this.#checks.answeredBy(this.#groupId, node)
        },
      }, world.between(OFFSETS_TIMEOUT_MS / 10, 2 * OFFSETS_TIMEOUT_MS))
    })
  }

  /** Commits where the group's coordinator has said that it has the offset, else aborts; asks until it is told what became of it. */
  #end(producer: ProducerId, commit: Commit, answeredBy: AnsweredBy | null, tries: number): void {
    const { world } = this.#parts
    const { producerId, producerEpoch } = producer
    const request = { transactionalId: this.#transactionalId, producerId, producerEpoch, committed: answeredBy !== null }
    const again = (): void => {
      if (tries === 0) this.#begin()
      else this.#caller.after(RETRY_MS, 'ends again', () => this.#end(producer, commit, answeredBy, tries - 1))
    }
    this.#caller.findCoordinator(1, this.#transactionalId, (node: SimulatedNode | null) => {
      if (node === null) return again()
      this.#caller.ask(node, 'EndTxn', 5, request, (response) => {
        if (response?.errorCode !== 0) return again()
        world.trace(`${this.#groupId} got ${commit.value} ${answeredBy === null ? 'aborted' : 'committed'} by ${node.id} as ${producerId}/${producerEpoch}`)
        if (answeredBy === null) this.#checks.onAborted(this.#groupId, commit)
        else this.#checks.onAcknowledged(this.#groupId, commit, answeredBy)
        this.#next(response)
      })
    })
  }
}
