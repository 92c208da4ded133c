// Whole share groups under a random life: members come, go, die, change what they read and lose answers; topics grow and
// go; the share coordinator fails; the group coordinator moves. Nobody is ever given a partition that is not initialized,
// and once things calm down every partition is read and every member has its target.

import { expect, test } from 'vitest'
import { errorCode } from '../../src/protocol/error-codes.ts'
import { FakeShareStates } from '../support/fake-share-states.ts'
import { settled } from '../support/fake-coordinator-log.ts'
import { MemoryGroupPeer } from '../support/group-peer.ts'
import { random } from '../support/random.ts'

type Client = { id: string; epoch: number; names: string[]; has: Map<string, Set<number>>; silent: boolean }

const TIMEOUT_MS = 20_000
const NAMES = ['alpha', 'beta', 'gamma']
const SETTINGS = { shareSessionTimeoutMs: 5_000, shareAssignmentIntervalMs: 300, shareInitializeRetryIntervalMs: 1_000, shareMaxSize: 5 }

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
    this.clients.set(id, { id, epoch: 0, names: this.names(), has: new Map(), silent: false })
  }

  names(): string[] {
    const names = NAMES.filter(() => this.next(3) > 0)
    return names.length === 0 ? ['alpha'] : names
  }

  async beat(client: Client, loseAnswer: boolean, tellsNames = false): Promise<void> {
    const response = await this.peer.call('ShareGroupHeartbeat', 1, {
      groupId: 'g', memberId: client.id, memberEpoch: client.epoch, rackId: null, subscribedTopicNames: client.epoch === 0 || tellsNames ? client.names : null,
    })
    await settled()
    for (const { topicId, partitions } of response.assignment?.topicPartitions ?? []) {
      for (const partition of partitions) expect(this.peer.shareStates.states.has(FakeShareStates.key('g', topicId, partition)), `${client.id} may read ${topicId}-${partition}`).toBe(true)
    }
    if (loseAnswer) return
    if (response.errorCode !== 0) {
      expect([errorCode('UNKNOWN_MEMBER_ID'), errorCode('FENCED_MEMBER_EPOCH'), errorCode('GROUP_ID_NOT_FOUND'), errorCode('GROUP_MAX_SIZE_REACHED')]).toContain(response.errorCode)
      client.epoch = 0
      client.has.clear()
      return
    }
    client.epoch = response.memberEpoch
    if (response.assignment !== null) client.has = new Map(response.assignment.topicPartitions.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
  }

  async step(): Promise<void> {
    const { peer, next } = this
    const clients = [...this.clients.values()]
    const client = clients[next(Math.max(1, clients.length))]
    switch (next(14)) {
      case 0:
        if (clients.length < 7) this.start()
        return
      case 1:
        if (client !== undefined && client.epoch > 0) {
          await peer.call('ShareGroupHeartbeat', 1, { groupId: 'g', memberId: client.id, memberEpoch: -1 })
          this.clients.delete(client.id)
        }
        return
      case 2:
        if (client !== undefined) client.silent = next(3) === 0
        return
      case 3:
        if (next(6) === 0) await peer.restart()
        else if (next(6) === 0) peer.addTopic('alpha', (peer.topics.get('alpha')?.partitionCount ?? 0) + 1)
        else if (next(8) === 0) await this.recreate('beta')
        return
      case 4:
        peer.shareStates.failing = (['COORDINATOR_LOAD_IN_PROGRESS', 'UNKNOWN_SERVER_ERROR', 'NONE', 'NONE'] as const)[next(4)] ?? 'NONE'
        return
      case 5:
        if (client === undefined || client.silent) return
        client.names = this.names()
        await this.beat(client, false, true)
        return
      default:
        if (client !== undefined && !client.silent) await this.beat(client, next(10) === 0)
    }
  }

  async recreate(name: string): Promise<void> {
    const id = this.peer.topicId(name)
    this.peer.topics.delete(name)
    this.peer.addTopic(name, 1 + this.next(3))
    await this.peer.coordinator.onTopicsDeleted([{ name, id }])
  }
}

test.each(Array.from({ length: 25 }, (_, seed) => [seed]))('members share what is initialized (seed %i)', async (seed) => {
  const peer = await MemoryGroupPeer.start(SETTINGS)
  const simulation = new Simulation(peer, seed)
  simulation.start()
  for (let step = 0; step < 250; step++) {
    await simulation.step()
    if (step % 25 === 24) {
      for (const client of [...simulation.clients.values()]) if (client.silent) simulation.clients.delete(client.id)
      await peer.pass(300)
    }
  }
  peer.shareStates.failing = 'NONE'
  for (const client of [...simulation.clients.values()]) if (client.silent || simulation.clients.size > SETTINGS.shareMaxSize) simulation.clients.delete(client.id)
  if (simulation.clients.size === 0) simulation.start()
  for (let round = 0; round < 40; round++) {
    for (const client of simulation.clients.values()) await simulation.beat(client, false, round === 0)
    await peer.pass(200)
  }
  const group = (await peer.call('ShareGroupDescribe', 1, { groupIds: ['g'] })).groups[0]
  expect(group?.groupEpoch).toBe(group?.assignmentEpoch)
  expect(new Set(group?.members.map(({ memberId }) => memberId))).toEqual(new Set(simulation.clients.keys()))
  const read = new Set<string>()
  for (const { memberId, memberEpoch, assignment } of group?.members ?? []) {
    expect(memberEpoch).toBe(group?.groupEpoch)
    const client = simulation.clients.get(memberId)
    expect(new Map(assignment.topicPartitions.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))).toEqual(client?.has)
    for (const { topicName, partitions } of assignment.topicPartitions) {
      expect(client?.names).toContain(topicName)
      for (const partition of partitions) read.add(`${topicName}-${partition}`)
    }
  }
  const wanted = new Set([...simulation.clients.values()].flatMap(({ names }) => names))
  const all = [...peer.topics.values()].filter(({ name }) => wanted.has(name)).flatMap(({ name, partitionCount }) => Array.from({ length: partitionCount }, (_, partition) => `${name}-${partition}`))
  expect(read).toEqual(new Set(all))
}, TIMEOUT_MS)
