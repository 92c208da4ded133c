// How long a partition takes no writes after the process that led it was killed: from kill -9 to the first acknowledgement
// with acks=all, for each of many partitions. Those that the dead broker only followed wait as well, until it is out of
// their ISR.

import type { BrokerAddress } from '../support/cluster-client.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'
import { ClusterAdmin, untilInSync } from './cluster-admin.ts'
import type { ClusterUnderTest } from './cluster-under-test.ts'

export type FailOver = {
  /** Whether the killed broker led the metadata quorum, too. */
  readonly controller: boolean
  /** Of the partitions that the killed broker led. */
  readonly ledMs: readonly number[]
  readonly followedMs: readonly number[]
}

const TOPIC = 'fail-over'
const LOOK_AGAIN_MS = 10
const TRY_AGAIN_MS = 5
const READY_MS = 180_000
/** Longer than any broker takes to fence another. */
const GIVE_UP_MS = 90_000

/** Makes the topic and sees that all of it can be written to. */
export async function prepareFailOver(cluster: ClusterUnderTest, partitionCount: number): Promise<void> {
  const admin = new ClusterAdmin(cluster.bootstrap)
  await admin.createTopic(TOPIC, partitionCount)
  admin.close()
  await ready(cluster)
}

/** Kills one broker; it runs again, in sync and leading what it led, when this resolves. */
export async function failOver(cluster: ClusterUnderTest, killController: boolean): Promise<FailOver> {
  const controller = await cluster.controller()
  const admin = new ClusterAdmin(cluster.bootstrap)
  const partitions = await admin.partitions([TOPIC])
  const victim = killController ? controller : (cluster.nodeIds.find((node) => node !== controller && partitions.some(({ leader }) => leader === node)) ?? controller)
  const survivors = cluster.bootstrap.filter((_, index) => cluster.nodeIds[index] !== victim)
  const leaders = new Leaders(survivors)
  const beganMs = performance.now()
  const gone = cluster.stopNode(victim, 'KILL')
  const following = leaders.follow(victim)
  const times = await Promise.all(partitions.map(async ({ partition, leader }) => ({ led: leader === victim, ms: await firstWrite(leaders, partition, beganMs) })))
  await gone
  leaders.end()
  await following
  await cluster.startNode(victim)
  await ready(cluster)
  await admin.electPreferred()
  admin.close()
  const of = (led: boolean): number[] => times.filter((each) => each.led === led).map(({ ms }) => ms)
  return { controller: victim === controller, ledMs: of(true), followedMs: of(false) }
}

/** Who leads each partition, asked of the brokers that are left again and again. */
class Leaders {
  readonly #brokers: readonly BrokerAddress[]
  readonly #addresses = new Map<number, BrokerAddress>()
  #isOver = false

  constructor(brokers: readonly BrokerAddress[]) {
    this.#brokers = brokers
  }

  addressOf(partition: number): BrokerAddress | undefined {
    return this.#addresses.get(partition)
  }

  async follow(dead: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const broker = this.#brokers[turn % this.#brokers.length]
      if (broker === undefined) return
      let client: WireClient | undefined
      try {
        client = await WireClient.connect(broker.port, broker.host, 2_000)
        while (!this.#isOver) {
          const { brokers, topics } = await client.call('Metadata', 9, { topics: [{ name: TOPIC }] })
          for (const { partitionIndex, leaderId } of topics[0]?.partitions ?? []) {
            const address = brokers.find(({ nodeId }) => nodeId === leaderId)
            if (address !== undefined && leaderId !== dead) this.#addresses.set(partitionIndex, address)
            else this.#addresses.delete(partitionIndex)
          }
          await after(LOOK_AGAIN_MS)
        }
      } catch {
        await after(LOOK_AGAIN_MS)
      }
      client?.close()
    }
  }

  end(): void {
    this.#isOver = true
  }
}

async function firstWrite(leaders: Leaders, partition: number, beganMs: number): Promise<number> {
  let client: { address: BrokerAddress; connection: WireClient } | undefined
  try {
    while (performance.now() - beganMs < GIVE_UP_MS) {
      const address = leaders.addressOf(partition)
      if (address === undefined) {
        await after(TRY_AGAIN_MS)
        continue
      }
      try {
        if (client?.address.port !== address.port || client.address.host !== address.host) {
          client?.connection.close()
          client = undefined
          client = { address, connection: await WireClient.connect(address.port, address.host, GIVE_UP_MS) }
        }
        const { errorCode } = await produce(client.connection, TOPIC, partition, recordBatch([`${partition}`]))
        if (errorCode === 0) return performance.now() - beganMs
      } catch {
        client?.connection.close()
        client = undefined
      }
      await after(TRY_AGAIN_MS)
    }
    throw new Error(`${TOPIC}-${partition} took no write in ${GIVE_UP_MS / 1_000} s`)
  } finally {
    client?.connection.close()
  }
}

/** All in sync, and each partition takes a write. */
async function ready(cluster: ClusterUnderTest): Promise<void> {
  const missing = await untilInSync(cluster.bootstrap, [TOPIC], READY_MS)
  if (missing.length > 0) throw new Error(`not ready: ${missing.slice(0, 5).join('; ')}`)
  const leaders = new Leaders(cluster.bootstrap)
  const following = leaders.follow(-1)
  const admin = new ClusterAdmin(cluster.bootstrap)
  const partitions = await admin.partitions([TOPIC])
  admin.close()
  await Promise.all(partitions.map(({ partition }) => firstWrite(leaders, partition, performance.now())))
  leaders.end()
  await following
}

/** The only waiting here: between two tries. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
