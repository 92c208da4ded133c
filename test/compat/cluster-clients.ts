// Real clients against three brokers. Between two of them the node that leads the quorum is killed with -9 and started
// again, so that leaders, coordinators and the controller have moved before each check, and replicas still catch up in it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterOf } from '../cluster/clusters.ts'
import { LoopbackHosts } from '../cluster/hosts.ts'
import type { BrokerAddress } from '../support/cluster-client.ts'

const SETTINGS = { 'default.replication.factor': '3', 'min.insync.replicas': '2', 'group.initial.rebalance.delay.ms': '0' }
const FIRST_PORT = 25_400

/** Runs `check` for each name with the address of a broker that is up; resolves with how many of them passed and failed. */
export async function runOnCluster(names: readonly string[], check: (bootstrap: string, name: string) => Promise<boolean>): Promise<{ passed: number; failed: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-compat-cluster-'))
  const cluster = clusterOf('millrace', { hosts: LoopbackHosts.from(FIRST_PORT), dir, settings: SETTINGS }, false, console.log)
  const counts = { passed: 0, failed: 0 }
  try {
    await cluster.start()
    for (const name of names) {
      const killed = await cluster.controller()
      await cluster.stopNode(killed, 'KILL')
      console.log(`killed node ${killed}, which led the quorum`)
      await cluster.startNode(killed)
      const { host, port } = cluster.bootstrap[cluster.nodeIds.findIndex((nodeId) => nodeId !== killed)] as BrokerAddress
      if (await check(`${host}:${port}`, name)) counts.passed++
      else counts.failed++
    }
    for (const end of cluster.takeUnexpectedEnds()) {
      counts.failed++
      console.log(`FAIL ${end}`)
    }
  } finally {
    await cluster.stop()
  }
  if (counts.failed === 0) rmSync(dir, { recursive: true, force: true })
  else console.log(`what the brokers said is in ${dir}`)
  return counts
}
