// Transactions under a random life: producers of old and new clients begin, end, repeat themselves, are replaced and time
// out; markers are held back or refused; the broker crashes between any two steps and loads what its log holds.

import { afterEach, expect, test } from 'vitest'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import type { Records } from '../../src/protocol/messages.ts'
import { random } from '../support/random.ts'
import { Disk, TransactionBroker, settled } from '../support/transaction-broker.ts'

const TOPIC = 'data'
const PARTITION_COUNT = 4
const STATES = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort']
/** What may follow in the log of one id. A transaction of KIP-890 may be aborted where nothing was written. */
const MAY_FOLLOW: Readonly<Record<string, readonly string[]>> = {
  '': ['Empty'],
  Empty: ['Empty', 'Ongoing', 'PrepareAbort'],
  Ongoing: ['Ongoing', 'PrepareCommit', 'PrepareAbort'],
  PrepareCommit: ['CompleteCommit'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Empty', 'Ongoing', 'PrepareAbort'],
  CompleteAbort: ['Empty', 'Ongoing', 'PrepareAbort'],
}
const REFUSALS = ['NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR', 'NOT_ENOUGH_REPLICAS', 'REQUEST_TIMED_OUT'] as const

type Producer = { transactionalId: string; version: 0 | 2; producerId: bigint; producerEpoch: number; lastEnd: { producerId: bigint; producerEpoch: number; committed: boolean } | null }

class Life {
  readonly disk = new Disk()
  readonly next: (bound: number) => number
  readonly producers = new Map<string, Producer>()
  /** Decisions that a client was told of: producer, epoch of the request, outcome. */
  readonly told: { transactionalId: string; producerId: bigint; producerEpoch: number; committed: boolean }[] = []
  readonly owners = new Map<bigint, string>()
  broker!: TransactionBroker

  constructor(seed: number) {
    this.next = random(seed)
    this.disk.topics.set(TOPIC, PARTITION_COUNT)
  }

  async crash(): Promise<void> {
    // What was on its way to the log or to a partition gets there or not; the old broker hears nothing of it.
    this.broker.coordinator.close()
    this.disk.partitions.release()
    await settled()
    this.broker = await TransactionBroker.start(this.disk, this.broker.clock, 3)
  }

  async step(): Promise<void> {
    const transactionalId = `id-${this.next(3)}`
    const producer = this.producers.get(transactionalId)
    const action = this.next(20)
    if (action === 0) return this.crash()
    if (action === 1) return this.disk.partitions.hold()
    if (action === 2) return this.disk.partitions.release()
    if (action === 3) return void this.disk.partitions.failures.push(new KafkaError(REFUSALS[this.next(REFUSALS.length)] ?? 'REQUEST_TIMED_OUT'))
    if (action === 4) return this.disk.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    if (action === 5) {
      this.broker.clock.advance(this.next(3_000))
      return this.broker.coordinator.abortTimedOut()
    }
    if (producer === undefined || action < 8) return this.init(transactionalId, producer)
    if (action < 13) return this.add(producer)
    if (action < 18) return this.end(producer, this.next(2) === 0)
    if (producer.lastEnd !== null && producer.version === 2) return this.repeatEnd(producer)
  }

  async init(transactionalId: string, known: Producer | undefined): Promise<void> {
    const continues = known !== undefined && this.next(3) === 0
    const answer = await this.ask('InitProducerId', 4, {
      transactionalId, transactionTimeoutMs: 1_000 + this.next(2_000),
      producerId: continues ? known.producerId : -1n, producerEpoch: continues ? known.producerEpoch : -1,
    })
    if (answer === null || answer.errorCode !== 0) return
    const { producerId, producerEpoch } = answer
    expect(this.owners.get(producerId) ?? transactionalId).toBe(transactionalId)
    this.owners.set(producerId, transactionalId)
    this.producers.set(transactionalId, { transactionalId, version: known?.version ?? (this.next(2) === 0 ? 0 : 2), producerId, producerEpoch, lastEnd: null })
  }

  async add(producer: Producer): Promise<void> {
    const partition = this.next(PARTITION_COUNT)
    if (producer.version === 2) {
      await this.within(this.broker.coordinator.verifyPartition(producer.transactionalId, producer.producerId, producer.producerEpoch, TOPIC, partition, true))
    } else {
      await this.ask('AddPartitionsToTxn', 3, { v3AndBelowTransactionalId: producer.transactionalId, v3AndBelowProducerId: producer.producerId, v3AndBelowProducerEpoch: producer.producerEpoch, v3AndBelowTopics: [{ name: TOPIC, partitions: [partition] }] })
    }
  }

  async end(producer: Producer, committed: boolean): Promise<void> {
    const { transactionalId, producerId, producerEpoch, version } = producer
    const answer = await this.ask('EndTxn', version === 2 ? 5 : 3, { transactionalId, producerId, producerEpoch, committed })
    if (answer === null || answer.errorCode !== 0) return
    this.told.push({ transactionalId, producerId, producerEpoch, committed })
    if (version === 2) Object.assign(producer, { producerId: answer.producerId, producerEpoch: answer.producerEpoch, lastEnd: { producerId, producerEpoch, committed } })
  }

  /** The same request again is answered with the same outcome, as long as nothing else was begun. */
  async repeatEnd({ transactionalId, producerId, producerEpoch, lastEnd }: Producer): Promise<void> {
    if (lastEnd === null) return
    const answer = await this.ask('EndTxn', 5, { transactionalId, ...lastEnd })
    if (answer !== null && answer.errorCode === 0) expect({ producerId: answer.producerId, producerEpoch: answer.producerEpoch }).toEqual({ producerId, producerEpoch })
  }

  /** Null where the answer got lost: nobody waits for ever. */
  ask: TransactionBroker['call'] = ((api, version, request) => this.within(this.broker.call(api, version, request))) as TransactionBroker['call']

  async within<T>(answer: Promise<T>): Promise<T | null> {
    let result: T | null = null
    void answer.then((value) => (result = value), () => {})
    for (let turn = 0; turn < 5; turn++) {
      await settled()
      if (result !== null) return result
    }
    this.broker.clock.advance(110)
    await settled()
    return result
  }

  async calm(): Promise<void> {
    this.disk.partitions.failures.length = 0
    this.disk.partitions.release()
    for (let turn = 0; turn < 50; turn++) {
      this.broker.clock.advance(500)
      await this.broker.coordinator.abortTimedOut()
      await settled()
    }
  }
}

function stateOf(value: Records['TransactionLogValue']): string {
  return STATES[value.transactionStatus] ?? `status ${value.transactionStatus}`
}

function check({ disk, broker, told }: Life): void {
  const { markers } = disk.partitions
  const decided = new Map<string, string[]>()
  for (const transactionalId of broker.transactionalIds()) {
    let state = ''
    for (const value of broker.values(transactionalId)) {
      if (value === null) continue
      const next = stateOf(value)
      expect(MAY_FOLLOW[state], `${transactionalId}: ${next} after ${state}`).toContain(next)
      state = next
      if (!next.startsWith('Prepare')) continue
      const { producerId, producerEpoch } = value
      const key = `${producerId}:${producerEpoch}`
      decided.set(key, [...(decided.get(key) ?? []), next])
      for (const { topic, partitionIds } of value.transactionPartitions ?? []) {
        for (const partition of partitionIds) {
          const own = markers.filter((marker) => marker.producerId === producerId && marker.producerEpoch === producerEpoch && marker.topic === topic && marker.partition === partition)
          expect(own.map(({ commit }) => commit), `markers of ${next} of ${transactionalId} in partition ${partition}`).toContain(next === 'PrepareCommit')
        }
      }
    }
    expect(state, `${transactionalId} has come to rest`).toMatch(/^(Empty|CompleteCommit|CompleteAbort)$/)
  }
  for (const { transactionalId, producerId, producerEpoch, committed } of told) {
    const outcomes = [...(decided.get(`${producerId}:${producerEpoch}`) ?? []), ...(decided.get(`${producerId}:${producerEpoch + 1}`) ?? [])]
    expect(outcomes, `${transactionalId} ${producerId}:${producerEpoch}`).toContain(committed ? 'PrepareCommit' : 'PrepareAbort')
  }
  // What no decision in the log asked for was not written.
  for (const { producerId, producerEpoch, commit } of markers) expect(decided.get(`${producerId}:${producerEpoch}`)).toContain(commit ? 'PrepareCommit' : 'PrepareAbort')
}

let seed = 0
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.log(`seed ${seed}`)
})

test('every transaction has one outcome, the one its client was told, in all its partitions', { timeout: 60_000 }, async () => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  for (let run = 0; run < 25; run++) {
    seed = first + run
    const life = new Life(seed)
    life.broker = await TransactionBroker.start(life.disk, undefined, 3)
    for (let step = 0; step < 150; step++) await life.step()
    await life.crash()
    await life.calm()
    check(life)
  }
})
