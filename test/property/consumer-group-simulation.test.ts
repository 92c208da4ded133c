// Whole consumer groups under a random life: members come, go, die, lag behind and lose answers; topics grow; the
// coordinator moves. A partition never has two owners, and once things calm down every partition has one.

import { expect, test } from 'vitest'
import { MemoryGroupPeer } from '../support/group-peer.ts'
import { random } from '../support/random.ts'

type Client = { id: string; epoch: number; has: Map<string, Set<number>>; silent: boolean }

const TIMEOUT_MS = 20_000
const SETTINGS = { consumerSessionTimeoutMs: 5_000 }

class Simulation {
  readonly clients = new Map<string, Client>()
  readonly next: (bound: number) => number
  readonly peer: MemoryGroupPeer
  #created = 0

  constructor(peer: MemoryGroupPeer, seed: number) {
    this.peer = peer
    this.next = random(seed)
  }

  start(): void {
    const id = `m${this.#created++}`
    this.clients.set(id, { id, epoch: 0, has: new Map(), silent: false })
  }

  async beat(client: Client, loseAnswer: boolean): Promise<void> {
    const isJoining = client.epoch === 0
    const topicPartitions = isJoining ? [] : [...client.has].filter(([, partitions]) => partitions.size > 0).map(([topicId, partitions]) => ({ topicId: topicId as never, partitions: [...partitions] }))
    const response = await this.peer.call('ConsumerGroupHeartbeat', 1, {
      groupId: 'g', memberId: client.id, memberEpoch: client.epoch, topicPartitions, rebalanceTimeoutMs: 3_000,
      subscribedTopicNames: ['alpha', 'beta'],
    })
    if (loseAnswer) return
    if (response.errorCode !== 0) {
      client.epoch = 0
      client.has.clear()
      return
    }
    client.epoch = response.memberEpoch
    if (response.assignment !== null) client.has = new Map(response.assignment.topicPartitions.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
  }

  /** What clients believe to have; those that will find out that they were fenced do not read on. */
  owners(): Map<string, string[]> {
    const owners = new Map<string, string[]>()
    for (const { id, has, silent } of this.clients.values()) {
      if (silent) continue
      for (const [topicId, partitions] of has) for (const partition of partitions) owners.set(`${topicId}-${partition}`, [...(owners.get(`${topicId}-${partition}`) ?? []), id])
    }
    return owners
  }

  async step(): Promise<void> {
    const clients = [...this.clients.values()]
    const client = clients[this.next(Math.max(1, clients.length))]
    switch (this.next(12)) {
      case 0:
        if (clients.length < 6) this.start()
        return
      case 1:
        if (client !== undefined && client.epoch > 0) {
          await this.peer.call('ConsumerGroupHeartbeat', 1, { groupId: 'g', memberId: client.id, memberEpoch: -1 })
          this.clients.delete(client.id)
        }
        return
      case 2:
        if (client !== undefined) client.silent = this.next(3) === 0
        return
      case 3:
        if (this.next(8) === 0) await this.peer.restart()
        else if (this.next(8) === 0) this.peer.addTopic('alpha', (this.peer.topics.get('alpha')?.partitionCount ?? 0) + 1)
        return
      default:
        if (client !== undefined && !client.silent) await this.beat(client, this.next(10) === 0)
    }
  }
}

test.each(Array.from({ length: 25 }, (_, seed) => [seed]))('partitions have one owner at a time (seed %i)', async (seed) => {
  const peer = await MemoryGroupPeer.start(SETTINGS)
  const simulation = new Simulation(peer, seed)
  simulation.start()
  for (let step = 0; step < 250; step++) {
    await simulation.step()
    for (const [partition, owners] of simulation.owners()) expect(owners, `${partition} after step ${step}`).toHaveLength(1)
    // Silent members die once for all: a member that was fenced must not be taken for an owner.
    if (step % 25 === 24) {
      for (const client of [...simulation.clients.values()]) if (client.silent) simulation.clients.delete(client.id)
      await peer.pass(300)
    }
  }
  for (const client of [...simulation.clients.values()]) if (client.silent) simulation.clients.delete(client.id)
  if (simulation.clients.size === 0) simulation.start()
  for (let round = 0; round < 60; round++) {
    for (const client of simulation.clients.values()) await simulation.beat(client, false)
    await peer.pass(200)
  }
  const total = [...peer.topics.values()].filter(({ name }) => name === 'alpha' || name === 'beta').reduce((sum, { partitionCount }) => sum + partitionCount, 0)
  expect(simulation.owners().size).toBe(total)
  const group = (await peer.call('ConsumerGroupDescribe', 1, { groupIds: ['g'] })).groups[0]
  expect(group?.groupState).toBe('Stable')
}, TIMEOUT_MS)
