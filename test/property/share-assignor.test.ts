// The assignor of share groups over random groups that change: nobody is left out where there is something to read, and
// those who stay keep what they can.

import { expect, test } from 'vitest'
import { assignShares } from '../../src/groups/share/simple-assignor.ts'
import type { SharingMember } from '../../src/groups/share/simple-assignor.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { idOf } from '../support/cluster-images.ts'
import { random } from '../support/random.ts'

type Assignments = ReturnType<typeof assignShares>

const TOPICS = ['t0', 't1', 't2'].map(idOf)

function countOf(assignment: ReadonlyMap<string, ReadonlySet<number>> | undefined): number {
  return [...(assignment?.values() ?? [])].reduce((sum, { size }) => sum + size, 0)
}

function check(members: readonly SharingMember[], partitions: ReadonlyMap<Uuid, ReadonlySet<number>>, targets: Assignments): void {
  const alike = members.every(({ topicIds }) => asSet(topicIds) === asSet(members[0]?.topicIds))
  const holders = new Map<string, number>()
  for (const { memberId, topicIds } of members) {
    for (const [topicId, has] of targets.get(memberId) ?? []) {
      expect(topicIds.has(topicId), `${memberId} reads ${topicId}`).toBe(true)
      for (const partition of has) {
        expect(partitions.get(topicId)?.has(partition), `${topicId}-${partition} can be given out`).toBe(true)
        holders.set(`${topicId}-${partition}`, (holders.get(`${topicId}-${partition}`) ?? 0) + 1)
      }
    }
  }
  for (const [topicId, each] of partitions) {
    const readers = members.filter(({ topicIds }) => topicIds.has(topicId))
    for (const partition of each) if (readers.length > 0) expect(holders.get(`${topicId}-${partition}`) ?? 0, `${topicId}-${partition} is read`).toBeGreaterThan(0)
    for (const { memberId } of readers) if (each.size > 0 && !alike && readers.length >= each.size) expect(targets.get(memberId)?.get(topicId)?.size ?? 0, `${memberId} has part of ${topicId}`).toBeGreaterThan(0)
  }
  if (!alike || members.length === 0) return
  const counts = members.map(({ memberId }) => countOf(targets.get(memberId)))
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  const readable = new Set(members[0]?.topicIds)
  const total = [...partitions].reduce((sum, [topicId, each]) => sum + (readable.has(topicId) ? each.size : 0), 0)
  if (total > 0 && members.length >= total) expect(Math.min(...counts)).toBeGreaterThan(0)
}

test.each(Array.from({ length: 60 }, (_, seed) => [seed]))('everyone has a share (seed %i)', (seed) => {
  const next = random(seed)
  const alike = seed % 2 === 0
  const partitions = new Map(TOPICS.map((topic) => [topic, new Set(Array.from({ length: next(9) }, (_, partition) => partition))]))
  const common = new Set<Uuid>(TOPICS.filter(() => next(3) > 0))
  const members = new Map<string, SharingMember>()
  for (let round = 0; round < 30; round++) {
    const memberId = `m${next(25)}`
    const topicIds = alike ? common : new Set(TOPICS.filter(() => next(2) === 0))
    if (next(3) === 0) members.delete(memberId)
    else members.set(memberId, { memberId, topicIds, target: members.get(memberId)?.target ?? new Map<Uuid, Set<number>>() })
    if (next(6) === 0) for (const each of partitions.values()) if (next(2) === 0) each.add(each.size)
    const group = [...members.values()]
    const targets = assignShares(group, partitions)
    check(group, partitions, targets)
    for (const member of group) members.set(member.memberId, { ...member, target: targets.get(member.memberId) ?? member.target })
    // What nothing has changed for stays as it is.
    const again = assignShares([...members.values()], partitions)
    for (const member of members.values()) expect(asText(again.get(member.memberId)), `${member.memberId} keeps its share`).toBe(asText(member.target))
  }
})

function asSet(ids: Iterable<string> = []): string {
  return [...ids].sort().join()
}

function asText(assignment: ReadonlyMap<string, ReadonlySet<number>> | undefined): string {
  return [...(assignment ?? [])].filter(([, { size }]) => size > 0).map(([topicId, partitions]) => `${topicId}:${[...partitions].sort((one, other) => one - other).join()}`).sort().join(' ')
}
