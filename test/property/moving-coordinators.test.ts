// Coordinators under a random life of a cluster: leaders move, with what was not replicated half lost; brokers hear of it
// late or crash; requests and answers between them get lost. In the end no acknowledged offset is missing, and every
// decided transaction is what its client was told, in all its partitions.

import { afterEach, expect, test } from 'vitest'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRecord } from '../../src/protocol/codec.ts'
import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import { TRANSACTION_STATE_TOPIC } from '../../src/transactions/transaction-coordinator.ts'
import { DATA_TOPIC, FakeCluster } from '../support/fake-cluster.ts'
import { settled } from '../support/fake-coordinator-log.ts'
import { random } from '../support/random.ts'

const NODES = 3
const PREPARE = { 2: true, 3: false } as const
const AT_REST = [0, 4, 5]
const TIMEOUT_MS = 2_000

type Producer = { producerId: bigint; producerEpoch: number }
type Client = Producer & { offset: bigint | null; wrote: boolean }
type Decision = { transactionalId: string; producerId: bigint; producerEpoch: number; commit: boolean; partitions: [string, number][] }

class Life {
  readonly next: (bound: number) => number
  readonly cluster: FakeCluster
  /** Of each group what was tried, in order, and the last that was acknowledged. */
  readonly commits = new Map<string, { tried: bigint; acknowledged: bigint }>()
  readonly clients = new Map<string, Client>()
  /** Offsets that were acknowledged as part of a transaction, by producer id and epoch. */
  readonly transactionalOffsets = new Map<string, { group: string; offset: bigint; acknowledged: boolean }[]>()
  readonly told: (Producer & { commit: boolean })[] = []
  #offset = 0n
  #isStormy = true

  constructor(seed: number) {
    this.next = random(seed)
    this.cluster = new FakeCluster(NODES, this.next)
  }

  async step(): Promise<void> {
    const { cluster, next } = this
    const action = next(40)
    if (action < 3) cluster.move()
    else if (action < 9) this.hearOne()
    else if (action === 9 && cluster.nodes.size > 2) cluster.crash([...cluster.nodes.keys()][next(cluster.nodes.size)] ?? 1)
    else if (action < 12) this.startOne()
    else if (action < 20) this.replicateSome()
    else if (action === 20) cluster.network.faults.push(next(2) === 0 ? 'request lost' : 'answer lost')
    else if (action === 21) cluster.clock.advance(next(1_500))
    else if (action === 22) cluster.lostAppends++
    else if (action < 28) await this.commitOffset(`g-${next(3)}`)
    else await this.transact(`t-${next(3)}`)
    await settled()
  }

  hearOne(): void {
    const { nodes } = this.cluster
    ;[...nodes.values()][this.next(nodes.size)]?.hear()
  }

  startOne(): void {
    for (let id = 1; id <= NODES; id++) if (!this.cluster.nodes.has(id)) return this.cluster.start(id)
  }

  replicateSome(): void {
    for (const log of this.cluster.logs.values()) if (this.next(2) === 0) log.replicate()
  }

  async commitOffset(groupId: string): Promise<void> {
    const known = this.commits.get(groupId) ?? { tried: 0n, acknowledged: 0n }
    this.commits.set(groupId, known)
    const committedOffset = ++known.tried
    await this.ask(this.cluster.coordinatorOf(OFFSETS_TOPIC, groupId), 'OffsetCommit', 9, {
      groupId, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null,
      topics: [{ name: DATA_TOPIC, partitions: [{ partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: '' }] }],
    }, ({ topics }) => {
      if (topics[0]?.partitions[0]?.errorCode === 0 && committedOffset > known.acknowledged) known.acknowledged = committedOffset
    })
  }

  async transact(id: string): Promise<void> {
    const client = this.clients.get(id)
    if (client === undefined) return this.begin(id)
    const action = this.next(10)
    const wentWell = action < 4 ? await this.write(id, client) : action < 6 ? await this.writeOffset(id, client) : await this.end(id, client)
    if (!wentWell) this.clients.delete(id)
  }

  async begin(id: string): Promise<void> {
    const answer = await this.ask(this.cluster.coordinatorOf(TRANSACTION_STATE_TOPIC, id), 'InitProducerId', 5, { transactionalId: id, transactionTimeoutMs: TIMEOUT_MS, producerId: -1n, producerEpoch: -1 })
    if (answer !== null && answer.errorCode === 0) this.clients.set(id, { producerId: answer.producerId, producerEpoch: answer.producerEpoch, offset: null, wrote: false })
  }

  async write(id: string, client: Client): Promise<boolean> {
    const partition = this.next(2)
    const node = this.cluster.nodes.get(this.cluster.log(DATA_TOPIC, partition).truth.leader)
    if (node === undefined) return false
    const { producerId, producerEpoch } = client
    const verified = await this.within(node.verifier.verifyPartition(id, producerId, producerEpoch, DATA_TOPIC, partition, true))
    if (verified === null || verified.value !== null) return false
    client.wrote = true
    return (await this.within(node.append(DATA_TOPIC, partition, [{ key: Buffer.from(id), value: null }], { producerId, producerEpoch, transactional: true }))) !== null
  }

  async writeOffset(id: string, client: Client): Promise<boolean> {
    const { producerId, producerEpoch } = client
    const group = `group of ${id}`
    const entry = { group, offset: ++this.#offset, acknowledged: false }
    const key = `${producerId}:${producerEpoch}`
    this.transactionalOffsets.set(key, [...(this.transactionalOffsets.get(key) ?? []), entry])
    const answer = await this.ask(this.cluster.coordinatorOf(OFFSETS_TOPIC, group), 'TxnOffsetCommit', 5, {
      transactionalId: id, groupId: group, producerId, producerEpoch, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null,
      topics: [{ name: DATA_TOPIC, partitions: [{ partitionIndex: 0, committedOffset: entry.offset, committedLeaderEpoch: -1, committedMetadata: '' }] }],
    })
    entry.acknowledged = answer?.topics[0]?.partitions[0]?.errorCode === 0
    client.wrote = true
    return entry.acknowledged
  }

  async end(id: string, client: Client): Promise<boolean> {
    const { producerId, producerEpoch } = client
    const commit = client.wrote && this.next(3) > 0
    const answer = await this.ask(this.cluster.coordinatorOf(TRANSACTION_STATE_TOPIC, id), 'EndTxn', 5, { transactionalId: id, producerId, producerEpoch, committed: commit }, ({ errorCode }) => {
      if (errorCode === 0) this.told.push({ producerId, producerEpoch, commit })
    })
    if (answer === null || answer.errorCode !== 0) return false
    Object.assign(client, { producerId: answer.producerId, producerEpoch: answer.producerEpoch, wrote: false })
    return true
  }

  /** What is told counts also where it comes too late for who asked. */
  async ask<N extends ApiName>(node: number, api: N, version: number, request: Encodable<RequestOf<N>>, onAnswer: (answer: ResponseOf<N>) => void = () => {}): Promise<ResponseOf<N> | null> {
    const answer = this.cluster.network.from(0).send(node, api, request, { version })
    answer.then(onAnswer, () => {})
    return (await this.within(answer))?.value ?? null
  }

  /** Null where no answer comes, or none that says anything. Time passes, and what can be replicated is. */
  async within<T>(answer: Promise<T>): Promise<{ value: T } | null> {
    let outcome: { value: T } | null | undefined
    answer.then((value) => (outcome = { value }), () => (outcome = null))
    for (let turn = 0; outcome === undefined && turn < 6; turn++) {
      await settled()
      if (turn > 1 && this.next(3) === 0) this.replicateSome()
      if (this.#isStormy && this.next(8) === 0) this.cluster.move()
      if (this.#isStormy && this.next(4) === 0) this.hearOne()
      if (turn === 4) this.cluster.clock.advance(110)
    }
    await settled()
    return outcome ?? null
  }

  async calm(): Promise<void> {
    const { cluster } = this
    this.#isStormy = false
    cluster.network.faults.length = 0
    cluster.lostAppends = 0
    while (cluster.nodes.size < NODES) this.startOne()
    for (const node of cluster.nodes.values()) node.hear()
    for (let turn = 0; turn < 150; turn++) {
      for (const log of cluster.logs.values()) log.replicate()
      await settled()
      cluster.clock.advance(100)
      await settled()
    }
  }
}

/** Every decision in the logs of transactions; checks that all of them have come to rest. */
function decisionsOf({ cluster }: Life): Decision[] {
  const decisions: Decision[] = []
  const last = new Map<string, number>()
  for (const partition of [0, 1]) {
    for (const { key, value } of cluster.log(TRANSACTION_STATE_TOPIC, partition).batches.flatMap(({ records }) => records)) {
      if (key === null || value === null) continue
      const { transactionalId } = decodeRecord('TransactionLogKey', key)
      const { transactionStatus, producerId, producerEpoch, transactionPartitions } = decodeRecord('TransactionLogValue', value)
      last.set(transactionalId, transactionStatus)
      if (transactionStatus !== 2 && transactionStatus !== 3) continue
      const partitions = (transactionPartitions ?? []).flatMap(({ topic, partitionIds }) => partitionIds.map((index): [string, number] => [topic, index]))
      decisions.push({ transactionalId, producerId, producerEpoch, commit: PREPARE[transactionStatus], partitions })
    }
  }
  for (const [transactionalId, status] of last) expect(AT_REST, `${transactionalId} has come to rest`).toContain(status)
  return decisions
}

async function check(life: Life): Promise<void> {
  const { cluster } = life
  const decisions = decisionsOf(life)
  const decided = (producerId: bigint, producerEpoch: number): Decision | undefined => decisions.find((each) => each.producerId === producerId && each.producerEpoch === producerEpoch)
  for (const { producerId, producerEpoch, commit, partitions } of decisions) {
    for (const [topic, partition] of partitions) {
      const own = cluster.log(topic, partition).batches.filter((each) => each.control !== null && each.producerId === producerId && each.producerEpoch === producerEpoch)
      expect(new Set(own.map(({ control }) => control?.type)), `markers of ${producerId}:${producerEpoch} in ${topic}-${partition}`).toEqual(new Set([commit ? 'COMMIT' : 'ABORT']))
    }
  }
  // The epoch of a decision is the one after the transaction's own.
  for (const { producerId, producerEpoch, commit } of life.told) expect(decided(producerId, producerEpoch + 1)?.commit, `what ${producerId}:${producerEpoch} was told`).toBe(commit)
  for (const topic of [DATA_TOPIC, OFFSETS_TOPIC]) {
    for (const partition of [0, 1]) {
      const { batches } = cluster.log(topic, partition)
      for (const [index, { transactional, control, producerId, producerEpoch }] of batches.entries()) {
        if (control !== null) expect(decided(producerId, producerEpoch)?.commit).toBe(control.type === 'COMMIT')
        else if (transactional) expect(batches.slice(index).some((each) => each.control !== null && each.producerId === producerId), `no transaction hangs in ${topic}-${partition}`).toBe(true)
      }
    }
  }
  for (const [groupId, { tried, acknowledged }] of life.commits) {
    const offset = await committed(life, groupId)
    expect(offset, `${groupId} has what was acknowledged`).toBeGreaterThanOrEqual(acknowledged === 0n ? -1n : acknowledged)
    expect(offset).toBeLessThanOrEqual(tried)
  }
  for (const id of ['t-0', 't-1', 't-2']) {
    const ofCommitted = [...life.transactionalOffsets].flatMap(([key, entries]) => {
      const [producerId = '', producerEpoch = ''] = key.split(':')
      return decided(BigInt(producerId), Number(producerEpoch) + 1)?.commit === true ? entries.filter(({ group }) => group === `group of ${id}`) : []
    })
    const least = ofCommitted.filter(({ acknowledged }) => acknowledged).at(-1)?.offset ?? -1n
    const offset = await committed(life, `group of ${id}`)
    expect([-1n, ...ofCommitted.map((each) => each.offset)], `offsets of ${id} are those of transactions that were committed`).toContain(offset)
    expect(offset).toBeGreaterThanOrEqual(least)
  }
}

async function committed(life: Life, groupId: string): Promise<bigint> {
  const answer = await life.ask(life.cluster.coordinatorOf(OFFSETS_TOPIC, groupId), 'OffsetFetch', 9, { groups: [{ groupId, memberId: null, memberEpoch: -1, topics: [{ name: DATA_TOPIC, partitionIndexes: [0] }] }], requireStable: true })
  expect(answer?.groups[0]?.errorCode).toBe(0)
  expect(answer?.groups[0]?.topics[0]?.partitions[0]?.errorCode).toBe(0)
  return answer?.groups[0]?.topics[0]?.partitions[0]?.committedOffset ?? -2n
}

let seed = 0
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.log(`seed ${seed}`)
})

test('nothing acknowledged is lost and nothing decided is forgotten while coordinators move', { timeout: 120_000 }, async () => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const runs = Number(process.env['RUNS'] ?? 6)
  let acknowledgedCount = 0
  let toldCount = 0
  for (let run = 0; run < runs; run++) {
    seed = first + run
    const life = new Life(seed)
    for (let step = 0; step < 250; step++) await life.step()
    await life.calm()
    await check(life)
    for (const { acknowledged } of life.commits.values()) if (acknowledged > 0n) acknowledgedCount++
    toldCount += life.told.length
  }
  // A life in which nothing ever succeeds proves nothing.
  expect(acknowledgedCount).toBeGreaterThan(runs)
  expect(toldCount).toBeGreaterThan(runs)
})
