// What may happen to one node at a time. A fault is begun, lasts, and is made good again; it draws all its choices from the
// run's seed.

import { random } from '../support/random.ts'
import type { ClusterUnderTest, Link, Place } from './cluster-under-test.ts'

export type FaultContext = {
  readonly cluster: ClusterUnderTest
  /** Whole numbers below a bound, decided by the seed. */
  readonly choose: (bound: number) => number
  /** How long brokers believe in a silent one. */
  readonly sessionTimeoutMs: number
}

export type FaultKind = {
  readonly name: string
  readonly needs?: 'links' | 'disks'
  /** Brings it about and makes it good again; tells at once what it does. */
  run(context: FaultContext, tell: (what: string) => void): Promise<void>
}

export const FAULTS: readonly FaultKind[] = [
  { name: 'kill', run: async (context, tell) => killed(context, chosenNode(context), 'KILL', tell) },
  { name: 'kill-controller', run: async (context, tell) => killed(context, await context.cluster.controller(), 'KILL', tell) },
  { name: 'stop', run: async (context, tell) => killed(context, chosenNode(context), 'TERM', tell) },
  { name: 'pause', run: async (context, tell) => paused(context, chosenNode(context), tell) },
  { name: 'pause-controller', run: async (context, tell) => paused(context, await context.cluster.controller(), tell) },
  { name: 'stutter', run: stuttering },
  {
    name: 'isolate',
    needs: 'links',
    run: async (context, tell) => {
      const node = chosenNode(context)
      await without(context, bothWays(node, others(context, node)), tell, `node ${node} and the other nodes do not hear each other`)
    },
  },
  {
    name: 'isolate-controller',
    needs: 'links',
    run: async (context, tell) => {
      const node = await context.cluster.controller()
      await without(context, bothWays(node, [...others(context, node), 'clients']), tell, `node ${node}, the controller, hears nobody and nobody hears it`)
    },
  },
  {
    name: 'deaf',
    needs: 'links',
    run: async (context, tell) => {
      const node = chosenNode(context)
      await without(context, others(context, node).map((other) => ({ from: other, to: node })), tell, `node ${node} does not hear the other nodes, which hear it`)
    },
  },
  {
    name: 'mute',
    needs: 'links',
    run: async (context, tell) => {
      const node = chosenNode(context)
      await without(context, others(context, node).map((other) => ({ from: node, to: other })), tell, `node ${node} is not heard by the other nodes, which it hears`)
    },
  },
  {
    name: 'one-link',
    needs: 'links',
    run: async (context, tell) => {
      const node = chosenNode(context)
      const other = others(context, node)[context.choose(2)] ?? node
      await without(context, bothWays(node, [other]), tell, `nodes ${node} and ${other} do not hear each other, the third hears both`)
    },
  },
  { name: 'slow-links', needs: 'links', run: slowLinks },
  { name: 'full-disk', needs: 'disks', run: fullDisk },
]

async function killed({ cluster, choose }: FaultContext, node: number, signal: 'KILL' | 'TERM', tell: (what: string) => void): Promise<void> {
  const downMs = choose(2) === 0 ? choose(1_000) : choose(15_000)
  tell(`SIG${signal} to node ${node}, started again after ${seconds(downMs)}`)
  await cluster.stopNode(node, signal)
  await lasting(downMs)
  await cluster.startNode(node)
}

/** Longer than others believe in it. */
async function paused({ cluster, choose, sessionTimeoutMs }: FaultContext, node: number, tell: (what: string) => void): Promise<void> {
  const pauseMs = sessionTimeoutMs + 500 + choose(8_000)
  tell(`SIGSTOP to node ${node}, SIGCONT after ${seconds(pauseMs)}`)
  cluster.pause(node)
  await lasting(pauseMs)
  cluster.resume(node)
}

/** A node that gets little time on a crowded machine. */
async function stuttering(context: FaultContext, tell: (what: string) => void): Promise<void> {
  const { cluster, choose } = context
  const node = chosenNode(context)
  const endMs = performance.now() + 5_000 + choose(10_000)
  const spell = spellsOf(choose)
  tell(`node ${node} runs in pieces of some hundredths of a second for ${seconds(endMs - performance.now())}`)
  while (performance.now() < endMs) {
    cluster.pause(node)
    await lasting(50 + spell(700))
    cluster.resume(node)
    await lasting(10 + spell(100))
  }
}

/** Packets of a node's links are lost in spells, so that what is sent arrives, but only when it was sent again: after some hundred milliseconds to seconds. */
async function slowLinks(context: FaultContext, tell: (what: string) => void): Promise<void> {
  const { cluster, choose } = context
  const node = chosenNode(context)
  const links = bothWays(node, [...others(context, node), ...(choose(2) === 0 ? (['clients'] as const) : [])])
  const endMs = performance.now() + 5_000 + choose(15_000)
  const spell = spellsOf(choose)
  tell(`links of node ${node} lose what is sent in spells for ${seconds(endMs - performance.now())}`)
  try {
    while (performance.now() < endMs) {
      cluster.cut(links)
      await lasting(100 + spell(400))
      cluster.mend(links)
      await lasting(50 + spell(200))
    }
  } finally {
    cluster.mend(links)
  }
}

async function fullDisk(context: FaultContext, tell: (what: string) => void): Promise<void> {
  const { cluster, choose } = context
  const node = chosenNode(context)
  const fullMs = 2_000 + choose(12_000)
  tell(`the disk of node ${node} is full for ${seconds(fullMs)}`)
  cluster.fillDisk(node)
  await lasting(fullMs)
  cluster.freeDisk(node)
  if (cluster.isRunning(node)) return
  tell(`node ${node} ended of it and is started again`)
  await cluster.startNode(node)
}

async function without({ cluster, choose, sessionTimeoutMs }: FaultContext, links: readonly Link[], tell: (what: string) => void, what: string): Promise<void> {
  const cutMs = choose(2) === 0 ? 1_000 + choose(sessionTimeoutMs) : sessionTimeoutMs + choose(10_000)
  tell(`${what} for ${seconds(cutMs)}`)
  cluster.cut(links)
  try {
    await lasting(cutMs)
  } finally {
    cluster.mend(links)
  }
}

function chosenNode({ cluster, choose }: FaultContext): number {
  return cluster.nodeIds[choose(cluster.nodeIds.length)] ?? 1
}

function others({ cluster }: FaultContext, node: number): number[] {
  return cluster.nodeIds.filter((each) => each !== node)
}

function bothWays(node: Place, rest: readonly Place[]): Link[] {
  return rest.flatMap((other) => [{ from: node, to: other }, { from: other, to: node }])
}

/** Choices of their own: how many are made depends on the machine, and the next fault must not. */
function spellsOf(choose: (bound: number) => number): (bound: number) => number {
  return random(choose(2 ** 31))
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** For as long as a fault lasts; that is what it is. */
function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
