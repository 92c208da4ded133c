import { describe, expect, test } from 'vitest'
import type { AssignorMember, AssignorTopic } from '../../src/groups/consumer/assignors/assignor.ts'
import { RANGE_ASSIGNOR } from '../../src/groups/consumer/assignors/range.ts'
import { UNIFORM_ASSIGNOR } from '../../src/groups/consumer/assignors/uniform.ts'
import type { Assignment } from '../../src/groups/modern/assignment.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { random } from '../support/random.ts'

const NO_TARGET: Assignment = new Map<Uuid, Set<number>>()
const id = (name: string): Uuid => name as Uuid

type Group = { members: AssignorMember[]; topics: Map<Uuid, AssignorTopic> }

function makeGroup(next: (bound: number) => number, alike: boolean): Group {
  const topics = new Map<Uuid, AssignorTopic>(Array.from({ length: 1 + next(6) }, (_, index) => [id(`t${index}`), { partitionCount: 1 + next(12), racks: (partition: number) => [`r${partition % 3}`] }]))
  const all = new Set(topics.keys())
  const members = Array.from({ length: 1 + next(8) }, (_, index): AssignorMember => {
    const some = [...all].filter(() => next(2) === 0)
    return { memberId: `m${index}`, instanceId: null, rackId: next(2) === 0 ? `r${next(3)}` : null, topicIds: alike || some.length === 0 ? all : new Set(some), target: NO_TARGET }
  })
  return { members, topics }
}

const sizeOf = (assignment: Assignment | undefined): number => [...(assignment ?? NO_TARGET).values()].reduce((sum, partitions) => sum + partitions.size, 0)
const withTargets = (members: AssignorMember[], target: ReadonlyMap<string, Assignment>): AssignorMember[] => members.map((member) => ({ ...member, target: target.get(member.memberId) ?? NO_TARGET }))

/** Every partition that somebody subscribes to has exactly one member, who subscribes to it. */
function expectWhole({ members, topics }: Group, target: ReadonlyMap<string, Assignment>): void {
  const given: string[] = []
  for (const { memberId, topicIds } of members) {
    for (const [topicId, partitions] of target.get(memberId) ?? []) {
      expect(topicIds.has(topicId)).toBe(true)
      for (const partition of partitions) given.push(`${topicId}-${partition}`)
    }
  }
  const wanted = [...topics].filter(([topicId]) => members.some(({ topicIds }) => topicIds.has(topicId))).flatMap(([topicId, { partitionCount }]) => Array.from({ length: partitionCount }, (_, partition) => `${topicId}-${partition}`))
  expect(given.sort()).toEqual(wanted.sort())
}

function movedCount(before: ReadonlyMap<string, Assignment>, after: ReadonlyMap<string, Assignment>): number {
  let moved = 0
  for (const [memberId, assignment] of after) {
    for (const [topicId, partitions] of assignment) for (const partition of partitions) if (before.get(memberId)?.get(topicId)?.has(partition) !== true) moved++
  }
  return moved
}

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

describe.each([[UNIFORM_ASSIGNOR, true], [UNIFORM_ASSIGNOR, false], [RANGE_ASSIGNOR, true], [RANGE_ASSIGNOR, false]] as const)('%s', (assignor, alike) => {
  test(`${assignor.name} gives every partition to one subscriber (alike: ${alike})`, () => {
    for (const seed of SEEDS) {
      const group = makeGroup(random(seed), alike)
      const first = assignor.assign(group.members, group.topics)
      expectWhole(group, first)
      const grown = { ...group, members: [...withTargets(group.members, first), { memberId: 'new', instanceId: null, rackId: null, topicIds: group.members[0]?.topicIds ?? new Set<Uuid>(), target: NO_TARGET }] }
      const second = assignor.assign(grown.members, group.topics)
      expectWhole(grown, second)
      const shrunk = { ...group, members: withTargets(grown.members, second).slice(1) }
      expectWhole(shrunk, assignor.assign(shrunk.members, group.topics))
    }
  })
})

test('uniform differs by one at most where all subscribe alike, and moves no more than it must', () => {
  for (const seed of SEEDS) {
    const group = makeGroup(random(seed), true)
    const first = UNIFORM_ASSIGNOR.assign(group.members, group.topics)
    const sizes = [...first.values()].map(sizeOf)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    expect(movedCount(first, UNIFORM_ASSIGNOR.assign(withTargets(group.members, first), group.topics))).toBe(0)
    const joined = [...withTargets(group.members, first), { ...(group.members[0] as AssignorMember), memberId: 'new', target: NO_TARGET }]
    const second = UNIFORM_ASSIGNOR.assign(joined, group.topics)
    expect(movedCount(first, second)).toBe(sizeOf(second.get('new')))
  }
})

test('uniform leaves no better move between subscribers of the same topic', () => {
  for (const seed of SEEDS) {
    const group = makeGroup(random(seed), false)
    const target = UNIFORM_ASSIGNOR.assign(group.members, group.topics)
    expect(movedCount(target, UNIFORM_ASSIGNOR.assign(withTargets(group.members, target), group.topics))).toBe(0)
    for (const [topicId] of group.topics) {
      const subscribers = group.members.filter(({ topicIds }) => topicIds.has(topicId)).map(({ memberId }) => target.get(memberId))
      const least = Math.min(...subscribers.map(sizeOf))
      for (const assignment of subscribers) if ((assignment?.get(topicId)?.size ?? 0) > 0) expect(sizeOf(assignment) - least).toBeLessThanOrEqual(1)
    }
  }
})

test('uniform puts partitions near their members where that costs no balance', () => {
  const topics = new Map([[id('t'), { partitionCount: 6, racks: (partition: number) => [`r${partition % 3}`] }]])
  const members = ['r2', 'r0', 'r1'].map((rackId, index): AssignorMember => ({ memberId: `m${index}`, instanceId: null, rackId, topicIds: new Set([id('t')]), target: NO_TARGET }))
  const target = UNIFORM_ASSIGNOR.assign(members, topics)
  expect([...target.values()].map((assignment) => [...(assignment.get(id('t')) ?? [])])).toEqual([[2, 5], [0, 3], [1, 4]])
})
