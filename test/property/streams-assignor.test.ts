import { expect, test } from 'vitest'
import type { TaskMember } from '../../src/groups/streams/sticky-assignor.ts'
import { assignTasks } from '../../src/groups/streams/sticky-assignor.ts'
import type { Tasks } from '../../src/groups/streams/tasks.ts'
import { NO_TASKS, toTaskIds } from '../../src/groups/streams/tasks.ts'
import type { ConfiguredSubtopology } from '../../src/groups/streams/topology.ts'
import { random } from '../support/random.ts'

const keys = (tasks: Tasks[keyof Tasks]): string[] => toTaskIds(tasks).flatMap(({ subtopologyId, partitions }) => partitions.map((partition) => `${subtopologyId}_${partition}`))

/** Every task is active once; no process has a task twice; standbys are as many as there are processes for. */
function expectSound(members: readonly TaskMember[], subtopologies: readonly ConfiguredSubtopology[], standbyCount: number, target: ReadonlyMap<string, Tasks>): void {
  const active = [...target.values()].flatMap((tasks) => keys(tasks.active)).sort()
  expect(active).toEqual(subtopologies.flatMap(({ subtopologyId, taskCount }) => Array.from({ length: taskCount }, (_, partition) => `${subtopologyId}_${partition}`)).sort())
  const counts = [...target.values()].map((tasks) => keys(tasks.active).length)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  const processes = new Map<string, string[]>()
  for (const { memberId, processId } of members) {
    const tasks = target.get(memberId) ?? NO_TASKS
    processes.set(processId, [...(processes.get(processId) ?? []), ...keys(tasks.active), ...keys(tasks.standby)])
  }
  for (const tasks of processes.values()) expect(new Set(tasks).size).toBe(tasks.length)
  const wanted = Math.min(standbyCount, processes.size - 1)
  for (const { subtopologyId, taskCount, isStateful } of subtopologies) {
    for (let partition = 0; partition < taskCount; partition++) {
      const copies = [...target.values()].filter((tasks) => keys(tasks.standby).includes(`${subtopologyId}_${partition}`)).length
      expect(copies).toBe(isStateful ? wanted : 0)
    }
  }
}

test('tasks are spread evenly, once each, and stay where they are', () => {
  for (let seed = 0; seed < 200; seed++) {
    const next = random(seed)
    const subtopologies = Array.from({ length: 1 + next(4) }, (_, index): ConfiguredSubtopology => ({ subtopologyId: `${index}`, taskCount: 1 + next(8), isStateful: next(2) === 0, inputTopics: [] }))
    const standbyCount = next(3)
    const members = Array.from({ length: 1 + next(6) }, (_, index): TaskMember => ({ memberId: `m${index}`, processId: `p${next(4)}`, target: NO_TASKS }))
    const first = assignTasks(members, subtopologies, standbyCount)
    expectSound(members, subtopologies, standbyCount, first)
    const again = members.map((member) => ({ ...member, target: first.get(member.memberId) ?? NO_TASKS }))
    const second = assignTasks(again, subtopologies, standbyCount)
    for (const { memberId, target } of again) expect(keys(second.get(memberId)?.active ?? NO_TASKS.active).sort()).toEqual(keys(target.active).sort())
    const joined = [...again, { memberId: 'new', processId: 'new', target: NO_TASKS }]
    expectSound(joined, subtopologies, standbyCount, assignTasks(joined, subtopologies, standbyCount))
    if (again.length > 1) expectSound(again.slice(1), subtopologies, standbyCount, assignTasks(again.slice(1), subtopologies, standbyCount))
  }
})
