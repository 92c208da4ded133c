// What an operator does to a cluster that is in use: all nodes restarted one after the other; a fourth broker added and the
// first one drained and taken away.

import { ClusterAdmin, untilInSync } from './cluster-admin.ts'
import type { ClusterUnderTest } from './cluster-under-test.ts'

const IN_SYNC_MS = 180_000
const LOOK_AGAIN_MS = 200

export async function rollingRestart(cluster: ClusterUnderTest, progress: (line: string) => void): Promise<void> {
  for (const node of cluster.nodeIds) {
    const beganMs = performance.now()
    await cluster.stopNode(node, 'TERM')
    const stoppedMs = performance.now()
    await cluster.startNode(node)
    const startedMs = performance.now()
    await inSync(cluster)
    progress(`node ${node}: stopped in ${seconds(stoppedMs - beganMs)}, started in ${seconds(startedMs - stoppedMs)}, in sync after ${seconds(performance.now() - startedMs)}`)
  }
}

export async function replaceFirst(cluster: ClusterUnderTest, progress: (line: string) => void): Promise<void> {
  const [first = 1] = cluster.nodeIds
  const beganMs = performance.now()
  const added = await cluster.addBroker()
  progress(`node ${added} joined in ${seconds(performance.now() - beganMs)}`)
  const admin = new ClusterAdmin(cluster.bootstrap)
  const moveMs = performance.now()
  const count = await admin.move(first, added)
  while ((await admin.reassigning()) > 0) await after(LOOK_AGAIN_MS)
  await inSync(cluster)
  progress(`${count} replicas moved from node ${first} to ${added} in ${seconds(performance.now() - moveMs)}`)
  await admin.electPreferred()
  await cluster.stopNode(first, 'TERM')
  await admin.unregister(first)
  admin.close()
  progress(`node ${first} is gone`)
}

async function inSync(cluster: ClusterUnderTest): Promise<void> {
  const missing = await untilInSync(cluster.bootstrap, null, IN_SYNC_MS)
  if (missing.length > 0) throw new Error(`not in sync: ${missing.slice(0, 5).join('; ')}`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** The only waiting here: between two looks at a reassignment. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
