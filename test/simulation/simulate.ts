// One run of a cluster from a seed.

import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import { CONFIG_RESOURCES } from '../../src/metadata/cluster-image.ts'
import { metadataRecord } from '../../src/metadata/controller/metadata-records.ts'
import { partitionRecord } from '../../src/metadata/controller/partition-records.ts'
import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import { TRANSACTION_STATE_TOPIC } from '../../src/transactions/transaction-coordinator.ts'
import type { MetadataRecord } from '../../src/protocol/codec.ts'
import { CLUSTER_ID, idOf } from '../support/cluster-images.ts'
import { Checks } from './checks.ts'
import { Consumer, Producer, TOPIC } from './clients.ts'
import type { ClientParts } from './clients.ts'
import { Faults } from './faults.ts'
import { GroupChecks } from './group-checks.ts'
import { Committer, OffsetFetcher } from './group-clients.ts'
import { lateBatch } from './transaction-checks.ts'
import { TransactionalCommitter } from './transaction-clients.ts'
import { Network } from './network.ts'
import { FETCH_WAIT_MS, REPLICA_LAG_MAX_MS, SimulatedNode } from './node.ts'
import type { Planted } from './planted.ts'
import { SimulatedQuorum } from './quorum.ts'
import { loadSimulatedReplicas } from './replicas.ts'
import { Violation, World } from './world.ts'

const NODES = [1, 2, 3]
const PARTITION_COUNT = 2
const TOPICS: ReadonlyMap<string, number> = new Map([[TOPIC, PARTITION_COUNT], [TRANSACTION_STATE_TOPIC, 1], [OFFSETS_TOPIC, 2]])
const GROUPS = ['billing', 'shipping']
/** Their offsets are committed within transactions. */
const TRANSACTIONAL_GROUPS = ['payments', 'invoices']
/** All that is to come to rest does so within this time; whether it has is looked at so often. */
const SETTLE_MAX_MS = 22_500
const SETTLE_LOOK_MS = 500
const MINUTE_MS = 60_000
const FORMATION_MAX_MS = 20_000

export type SimulationOptions = { readonly seed: number; readonly minutes: number; readonly planted?: Planted }
export type SimulationResult = {
  readonly seed: number
  /** The same for the same seed. */
  readonly digest: string
  readonly events: number
  readonly faults: number
  readonly acknowledged: number
  readonly consumed: number
  readonly committed: number
  readonly fetched: number
  readonly aborted: number
  /** Null where everything held. */
  readonly violation: string | null
  readonly trace: string
}

export async function simulate({ seed, minutes, planted }: SimulationOptions): Promise<SimulationResult> {
  const Replicas = await loadSimulatedReplicas()
  const world = new World(seed)
  const network = new Network(world)
  const quorum = new SimulatedQuorum(world, network, NODES)
  quorum.tellsEarly = planted === 'metadata is told before it is committed'
  const nodes = new Map<number, SimulatedNode>()
  const allChecks = [...TOPICS].map(([topic, partitionCount]) => new Checks(world, nodes, topic, partitionCount))
  const [checks] = allChecks as [Checks]
  const groupChecks = new GroupChecks(world)
  quorum.onCommitted = (image) => allChecks.forEach((each) => each.onMetadata(image))
  for (const id of NODES) {
    const replicas = new Replicas({ nodeId: id, clusterId: CLUSTER_ID, replicaLagMaxMs: REPLICA_LAG_MAX_MS, fetchWaitMaxMs: FETCH_WAIT_MS, fetchBackoffMs: 100 })
    nodes.set(id, new SimulatedNode({ id, world, network, quorum, nodes, replicas, planted: planted ?? null, check: (node) => allChecks.forEach((each) => each.onNode(node)) }))
  }
  // Half of the runs have what is acknowledged on every disk; in the others processes die and disks forget nothing.
  const losesPower = planted === 'a torn tail is kept' || world.chance(2)
  const result = (violation: string | null): SimulationResult => ({
    seed, violation, digest: world.digest(), events: world.eventCount, faults: faults?.count ?? 0, acknowledged: checks.acknowledgedCount, consumed: checks.consumedCount,
    committed: groupChecks.committedCount, fetched: groupChecks.fetchedCount, aborted: groupChecks.abortedCount, trace: world.lastLines(),
  })
  let faults: Faults | undefined
  try {
    for (const node of nodes.values()) world.after(world.next(200), 'first start', () => node.start())
    await form(world, nodes, quorum, losesPower)
    quorum.stalls = true
    const clients: ClientParts = { world, network, nodes, planted: planted ?? null }
    const producers: { stop(): void }[] = []
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      for (const [at, producerId] of [1000 + partition, 2000 + partition, -1].entries()) {
        producers.push(new Producer(clients, `${producerId < 0 ? 'p' : 'i'}${partition}${at}`, partition, producerId, (index, acknowledged) => checks.onAcknowledged(index, acknowledged)))
      }
      new Consumer(clients, partition, checks)
    }
    const fetchers = [...GROUPS, ...TRANSACTIONAL_GROUPS].map((groupId) => new OffsetFetcher(clients, groupId, groupChecks))
    for (const groupId of GROUPS) producers.push(new Committer(clients, groupId, groupChecks))
    for (const groupId of TRANSACTIONAL_GROUPS) producers.push(new TransactionalCommitter(clients, groupId, groupChecks))
    faults = new Faults({ world, network, quorum, nodes, topics: TOPICS, losesPower })
    await world.runUntil(world.nowMs + minutes * MINUTE_MS)
    world.trace('all heals')
    faults.heal()
    await settle(world, () => allChecks.every((each) => each.areAllInSync()))
    for (const producer of producers) producer.stop()
    // A broker that stood still until just now may be fenced once more.
    await settle(world, () => allChecks.every((each) => each.haveAllAll() && each.areAllInSync() && each.haveAllHeard()))
    for (const each of allChecks) each.onEndOfRun()
    const [anyNode] = [...nodes.values()] as [SimulatedNode]
    for (let partition = 0; partition < (TOPICS.get(OFFSETS_TOPIC) as number); partition++) {
      const late = lateBatch(anyNode, OFFSETS_TOPIC, partition)
      if (late !== null) throw new Violation(late)
    }
    // What is fetched is checked as everything that was fetched before; here there has to be an answer.
    const fetched = new Set<OffsetFetcher>()
    const isFetched = (): boolean => {
      for (const fetcher of fetchers) if (!fetched.has(fetcher)) fetcher.fetch((value) => void (value !== null && fetched.add(fetcher)))
      return fetched.size === fetchers.length
    }
    await settle(world, isFetched)
    const missing = fetchers.filter((fetcher) => !fetched.has(fetcher)).map(({ groupId }) => groupId)
    if (missing.length > 0) throw new Violation(`offsets of ${missing.join()} cannot be fetched though all is healed`)
    world.check()
    return result(null)
  } catch (error) {
    if (!(error instanceof Violation)) throw new Error(`seed ${seed} ends at ${world.nowMs} ms\n${world.lastLines()}`, { cause: error })
    return result(error.message)
  } finally {
    for (const node of nodes.values()) node.kill(null)
  }
}

async function settle(world: World, hasSettled: () => boolean): Promise<void> {
  const endMs = world.nowMs + SETTLE_MAX_MS
  do await world.runUntil(world.nowMs + SETTLE_LOOK_MS)
  while (!hasSettled() && world.nowMs < endMs)
}

/** Brokers join, and the topics are created. */
async function form(world: World, nodes: ReadonlyMap<number, SimulatedNode>, quorum: SimulatedQuorum, flushes: boolean): Promise<void> {
  const isReady = (image: ClusterImage): boolean => NODES.every((id) => image.brokers.get(id)?.fenced === false)
  while (!isReady(quorum.image)) {
    if (world.nowMs > FORMATION_MAX_MS) throw new Violation('the cluster does not form')
    await world.runUntil(world.nowMs + 100)
  }
  const configs = { 'min.insync.replicas': '2', ...(flushes && { 'flush.on.ack': 'true' }) }
  const controller = [...nodes.values()].find(({ life }) => life?.isController === true)
  const created = controller?.life?.runtime?.write((image) => ({ records: [...TOPICS].flatMap(([name, partitionCount], at) => topicRecords(image, name, partitionCount, at, configs)), response: undefined }))
  created?.catch((error: unknown) => world.fail(error))
  await world.runUntil(world.nowMs + 2000)
}

function topicRecords(image: ClusterImage, name: string, partitionCount: number, shift: number, configs: Readonly<Record<string, string>>): MetadataRecord[] {
  const topicId = idOf(name.slice(0, 16))
  return [
    metadataRecord('TopicRecord', { name, topicId }),
    ...Object.entries(configs).map(([key, value]) => metadataRecord('ConfigRecord', { resourceType: CONFIG_RESOURCES.TOPIC, resourceName: name, name: key, value })),
    ...Array.from({ length: partitionCount }, (_, index) => partitionRecord(image, topicId, index, NODES.map((_id, at) => NODES[(at + index + shift) % NODES.length] as number))),
  ]
}
