// What a harness can do to a cluster of real processes, whichever broker it is made of. Links and disks can be touched
// only where every node has a host of its own (`hosts.ts`).

import type { BrokerAddress } from '../support/cluster-client.ts'

export type System = 'kafka' | 'millrace'

export interface ClusterUnderTest {
  readonly system: System
  /** Ids of all nodes, of those that were added too. */
  readonly nodeIds: readonly number[]
  /** What clients are given. */
  readonly bootstrap: readonly BrokerAddress[]
  readonly canCutLinks: boolean
  readonly canFillDisks: boolean
  /** Ends of processes that nobody asked for since this was last called, one line each. */
  takeUnexpectedEnds(): string[]

  /** Starts all nodes; resolves when each of them knows of all. */
  start(): Promise<void>
  /** Starts a stopped node on what it had; resolves when it answers. */
  startNode(nodeId: number): Promise<void>
  /** Adds a broker that votes on nothing. */
  addBroker(): Promise<number>
  /** Resolves when the process is gone; nothing happens where it does not run. */
  stopNode(nodeId: number, signal: 'TERM' | 'KILL'): Promise<void>
  isRunning(nodeId: number): boolean
  pid(nodeId: number): number
  pause(nodeId: number): void
  resume(nodeId: number): void
  /** From now on nothing arrives of what goes this way; the other way is another link. */
  cut(links: readonly Link[]): void
  mend(links: readonly Link[]): void
  /** Takes all the space that is left for a node's data. The node may end of it. */
  fillDisk(nodeId: number): void
  freeDisk(nodeId: number): void
  /** The node that leads the metadata quorum. */
  controller(): Promise<number>
  /** Ends all processes. */
  stop(): Promise<void>
}

/** Clients are a host, too. */
export type Place = number | 'clients'
export type Link = { readonly from: Place; readonly to: Place }
