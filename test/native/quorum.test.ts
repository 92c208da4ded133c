// The quorum through the addon: real files and sockets, three nodes in one process.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openQuorum } from '../../src/native.ts'
import type { QuorumEvent, QuorumNode, QuorumOptions, QuorumVoter } from '../../src/native.ts'
import { randomUuid } from '../../src/shared/uuid.ts'
import { freePort } from '../support/free-port.ts'

const CLUSTER_ID = randomUuid()
const directories: string[] = []
const running = new Set<Member>()

afterEach(async () => {
  for (const member of running) await member.close()
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
})

class Member {
  readonly events: QuorumEvent[] = []
  node!: QuorumNode
  readonly options: QuorumOptions
  #waiting: (() => void)[] = []

  private constructor(options: QuorumOptions) {
    this.options = options
  }

  static async open(options: QuorumOptions): Promise<Member> {
    const member = new Member(options)
    member.node = await openQuorum(options, (event) => member.#onEvent(event))
    running.add(member)
    return member
  }

  #onEvent(event: QuorumEvent): void {
    this.events.push(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async wait<T>(found: (events: QuorumEvent[]) => T | undefined): Promise<T> {
    for (;;) {
      const result = found(this.events)
      if (result !== undefined) return result
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The epoch in which this node leads, once it may act. */
  lead(): Promise<number> {
    return this.wait((events) => {
      const last = events.findLast((event) => event.kind === 'leaderChanged')
      if (last?.leaderId !== this.options.nodeId) return undefined
      return events.some((event) => event.kind === 'epochStarted' && event.epoch === last.epoch) ? last.epoch : undefined
    })
  }

  values(): string[] {
    return this.events.flatMap((event) => (event.kind === 'committed' ? event.records.map((record) => Buffer.from(record).toString()) : []))
  }

  async close(): Promise<void> {
    running.delete(this)
    await this.node.close()
  }
}

function options(nodeId: number, port: number, initialVoters: QuorumVoter[], host: string | null = '127.0.0.1'): QuorumOptions {
  const directory = mkdtempSync(join(tmpdir(), 'quorum-'))
  directories.push(directory)
  const directoryId = initialVoters.find((voter) => voter.nodeId === nodeId)?.directoryId ?? randomUuid()
  const timing = { heartbeatIntervalMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1000 }
  return { nodeId, clusterId: CLUSTER_ID, directoryId, dir: join(directory, '__cluster_metadata-0'), host, port, initialVoters, advertisedHost: '127.0.0.1', advertisedPort: 0, bootstrapServers: [], replacesFormerSelf: false, ...timing, segmentBytes: 1 << 20, keptEntryCount: 10 }
}

const records = (...texts: string[]): Uint8Array[] => texts.map((text) => Buffer.from(text))

test('one node leads at once, answers with offsets, and has everything after a restart', async () => {
  const given = options(1, 0, [], null)
  const own = { ...given, initialVoters: [{ nodeId: 1, directoryId: given.directoryId, host: '', port: 0 }] }
  const first = await Member.open(own)
  const epoch = await first.lead()
  const offset = await first.node.propose(epoch, records('a', 'b'))
  expect(await first.node.propose(epoch, records('c'))).toBe(offset + 2n)
  expect(first.values()).toEqual(['a', 'b', 'c'])
  await expect(first.node.propose(epoch + 1, records('d'))).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
  await expect(first.node.propose(epoch, [])).rejects.toMatchObject({ errorName: 'INVALID_REQUEST' })
  const status = await first.node.status()
  expect(status).toMatchObject({ leaderId: 1, epoch, highWatermark: offset + 3n, nodes: [{ nodeId: 1, isVoter: true, logEndOffset: offset + 3n }] })
  await first.close()
  await expect(first.node.propose(epoch, records('e'))).rejects.toMatchObject({ code: 'QUORUM' })
  const second = await Member.open(own)
  expect(await second.lead()).toBeGreaterThan(epoch)
  expect(second.values()).toEqual(['a', 'b', 'c'])
})

test('three nodes go on when their leader ends', async () => {
  const voters: QuorumVoter[] = []
  for (const nodeId of [1, 2, 3]) voters.push({ nodeId, directoryId: randomUuid(), host: '127.0.0.1', port: await freePort() })
  const members = await Promise.all(voters.map(({ nodeId, port }) => Member.open(options(nodeId, port, voters))))
  const leader = await Promise.race(members.map(async (member) => ({ member, epoch: await member.lead() })))
  await leader.member.node.propose(leader.epoch, records('before'))
  await leader.member.close()
  const others = members.filter((member) => member !== leader.member)
  const next = await Promise.race(others.map(async (member) => ({ member, epoch: await member.lead() })))
  expect(next.epoch).toBeGreaterThan(leader.epoch)
  await next.member.node.propose(next.epoch, records('after'))
  for (const member of others) await member.wait(() => (member.values().length === 2 ? true : undefined))
  for (const member of others) expect(member.values()).toEqual(['before', 'after'])
})

test('an impossible start is told in one line', async () => {
  await expect(openQuorum({ ...options(1, 0, []), host: '203.0.113.1' }, () => {})).rejects.toMatchObject({ code: 'QUORUM', message: expect.stringMatching(/^203\.0\.113\.1:0: [^\n]*$/) })
})
