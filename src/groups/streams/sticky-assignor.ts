// Assigns the tasks of a streams group: active tasks even over members, standby tasks to other processes than the one that
// runs the task. A task goes where its state is already, as far as that leaves the load even.

import type { Uuid } from '../../shared/uuid.ts'
import type { ConfiguredSubtopology } from './topology.ts'
import type { Tasks } from './tasks.ts'
import { subtopologyKey } from './tasks.ts'

export type TaskMember = { readonly memberId: string; readonly processId: string; readonly target: Tasks }

type Task = { readonly key: string; readonly subtopologyId: Uuid; readonly partition: number; readonly isStateful: boolean }
type Place = { readonly member: TaskMember; readonly active: Map<Uuid, Set<number>>; readonly standby: Map<Uuid, Set<number>>; activeCount: number; taskCount: number; quota: number }

export function assignTasks(members: readonly TaskMember[], subtopologies: Iterable<ConfiguredSubtopology>, standbyReplicaCount: number): Map<string, Tasks> {
  const places = members.map((member): Place => ({ member, active: new Map(), standby: new Map(), activeCount: 0, taskCount: 0, quota: 0 }))
  const tasks = [...subtopologies].flatMap(tasksOf)
  const processesByTask = new Map<string, Set<string>>()
  const loads = new Map<string, number>()
  const history = new History(places)
  const give = (place: Place, task: Task, kind: 'active' | 'standby'): void => {
    put(place[kind], task)
    if (kind === 'active') place.activeCount++
    place.taskCount++
    const { processId } = place.member
    loads.set(processId, (loads.get(processId) ?? 0) + 1)
    const processes = processesByTask.get(task.key)
    if (processes === undefined) processesByTask.set(task.key, new Set([processId]))
    else processes.add(processId)
  }
  if (places.length === 0) return new Map()

  setQuotas(places, tasks.length, history)
  const open = tasks.filter((task) => {
    const before = [history.activeOf(task), ...history.standbysOf(task)].find((place) => place !== undefined && place.activeCount < place.quota)
    if (before !== undefined) give(before, task, 'active')
    return before === undefined
  })
  for (const task of open) {
    const place = leastLoaded(places.filter(({ activeCount, quota }) => activeCount < quota), loads)
    if (place !== undefined) give(place, task, 'active')
  }

  const stateful = tasks.filter(({ isStateful }) => isStateful)
  const fairCount = Math.ceil((tasks.length + stateful.length * standbyReplicaCount) / places.length)
  for (const task of standbyReplicaCount > 0 ? stateful : []) {
    for (let replica = 0; replica < standbyReplicaCount; replica++) {
      const free = places.filter(({ member }) => processesByTask.get(task.key)?.has(member.processId) !== true)
      const before = [...history.standbysOf(task), history.activeOf(task)].find((place) => place !== undefined && free.includes(place) && place.taskCount < fairCount)
      const place = before ?? leastLoaded(free, loads)
      // Fewer processes than replicas: a second copy in the same process would protect from nothing.
      if (place === undefined) break
      give(place, task, 'standby')
    }
  }
  return new Map(places.map(({ member, active, standby }) => [member.memberId, { active, standby, warmup: new Map<Uuid, Set<number>>() }]))
}

/** Who had which task until now. */
class History {
  readonly #active = new Map<string, Place>()
  readonly #standby = new Map<string, Place[]>()
  readonly #counts = new Map<Place, number>()

  constructor(places: readonly Place[]) {
    for (const place of places) {
      const { active, standby } = place.member.target
      let count = 0
      for (const [subtopologyId, partitions] of active) {
        for (const partition of partitions) this.#active.set(keyOf(subtopologyId, partition), place)
        count += partitions.size
      }
      for (const [subtopologyId, partitions] of standby) {
        for (const partition of partitions) this.#standby.set(keyOf(subtopologyId, partition), [...(this.#standby.get(keyOf(subtopologyId, partition)) ?? []), place])
      }
      this.#counts.set(place, count)
    }
  }

  activeOf({ key }: Task): Place | undefined { return this.#active.get(key) }
  standbysOf({ key }: Task): readonly Place[] { return this.#standby.get(key) ?? [] }
  activeCount(place: Place): number { return this.#counts.get(place) ?? 0 }
}

/** The places for one task more go to those who have most already: they would have to give one up otherwise. */
function setQuotas(places: readonly Place[], taskCount: number, history: History): void {
  for (const place of places) place.quota = Math.floor(taskCount / places.length)
  const byCount = [...places].sort((one, other) => history.activeCount(other) - history.activeCount(one))
  for (const place of byCount.slice(0, taskCount % places.length)) place.quota++
}

/** The process with least to do, and in it the member with least. */
function leastLoaded(places: readonly Place[], loads: ReadonlyMap<string, number>): Place | undefined {
  let best: Place | undefined
  for (const place of places) {
    if (best === undefined) best = place
    else {
      const difference = (loads.get(place.member.processId) ?? 0) - (loads.get(best.member.processId) ?? 0) || place.taskCount - best.taskCount
      if (difference < 0) best = place
    }
  }
  return best
}

function tasksOf({ subtopologyId, taskCount, isStateful }: ConfiguredSubtopology): Task[] {
  const id = subtopologyKey(subtopologyId)
  return Array.from({ length: taskCount }, (_, partition) => ({ key: keyOf(id, partition), subtopologyId: id, partition, isStateful }))
}

function keyOf(subtopologyId: Uuid, partition: number): string {
  return `${partition}-${subtopologyId}`
}

function put(tasks: Map<Uuid, Set<number>>, { subtopologyId, partition }: Task): void {
  const known = tasks.get(subtopologyId)
  if (known === undefined) tasks.set(subtopologyId, new Set([partition]))
  else known.add(partition)
}
