// Writers with transactions of KIP-890: one that makes records up, and one that copies what it reads, exactly once.

import { poll } from '../log-reader.ts'
import type { Setting } from './setting.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after, valueMaker } from './setting.ts'
import { Refused, WireProducer, until } from './wire-producer.ts'

const MAX_COPIED = 40

export async function wireWriter(setting: Setting): Promise<void> {
  const { random, record, isOver, name } = setting
  const values = valueMaker(name)
  let count = 0
  await inSessions(setting, async (producer, session) => {
    while (!isOver()) {
      const transaction = `${name} transaction ${count++}`
      for (let sends = 1 + random(4); sends > 0; sends--) {
        const partition = random(PARTITION_COUNT)
        const sent = values(1 + random(4))
        record({ type: 'send', producer: session, transaction, topic: EVENTS, partition, values: sent })
        record({ type: 'acknowledged', values: sent, offset: await producer.send(EVENTS, partition, sent) })
      }
      await end(setting, producer, transaction, random(4) > 0)
      await after(random(20))
    }
  })
}

/** Reads committed events, writes a copy of each and its own position in one transaction; two of one identity fence each other. */
export async function copier(setting: Setting): Promise<void> {
  const { random, record, isOver, name, identity } = setting
  const values = valueMaker(name)
  let count = 0
  await inSessions(setting, async (producer, session) => {
    let positions = await committedPositions(producer, identity)
    while (!isOver()) {
      const partition = random(PARTITION_COUNT)
      const { records, nextOffset } = await poll(producer.client, EVENTS, partition, positions.get(partition) ?? 0n, true)
      const copied = records.slice(0, 1 + random(MAX_COPIED))
      if (copied.length > 0) {
        const transaction = `${name} transaction ${count++}`
        const sent = values(copied.length)
        record({ type: 'send', producer: session, transaction, topic: COPIES, partition, values: sent, sources: copied.map(([offset]) => offset), sourceTopic: EVENTS })
        record({ type: 'acknowledged', values: sent, offset: await producer.send(COPIES, partition, sent) })
        const next = copied.length < records.length ? BigInt((copied.at(-1)?.[0] ?? 0) + 1) : nextOffset
        await producer.commitOffsets(identity, EVENTS, new Map([[partition, next]]))
        const commit = random(5) > 0
        await end(setting, producer, transaction, commit)
        if (commit) positions.set(partition, next)
        else positions = await committedPositions(producer, identity)
      }
      await after(random(30))
    }
  })
}

async function end({ record }: Setting, producer: WireProducer, transaction: string, commit: boolean): Promise<void> {
  record({ type: 'ending', transaction, commit })
  await producer.end(commit)
  record({ type: 'ended', transaction, commit })
}

/** After any error everything begins anew, also for a client that was fenced: it fences back. */
async function inSessions({ name, identity, port, isOver }: Setting, work: (producer: WireProducer, session: string) => Promise<void>): Promise<void> {
  for (let session = 0; !isOver(); session++) {
    let producer: WireProducer | undefined
    try {
      producer = await WireProducer.start(port, identity)
      await work(producer, `${name} session ${session}`)
    } catch (error) {
      if (error instanceof Refused) console.error(`${name}: ${error.message}`)
      await after(100)
    }
    producer?.close()
  }
}

/** Only what is stable: offsets of a transaction that is still being completed are waited for (KIP-447). */
async function committedPositions({ client }: WireProducer, groupId: string): Promise<Map<number, bigint>> {
  const positions = new Map<number, bigint>()
  await until('FindCoordinator', async () => (await client.call('FindCoordinator', 4, { keyType: 0, coordinatorKeys: [groupId] })).coordinators[0]?.errorCode ?? -1)
  await until('OffsetFetch', async () => {
    const partitionIndexes = Array.from({ length: PARTITION_COUNT }, (_, index) => index)
    const answer = await client.call('OffsetFetch', 8, { groups: [{ groupId, topics: [{ name: EVENTS, partitionIndexes }] }], requireStable: true })
    const group = answer.groups[0]
    const partitions = group?.topics[0]?.partitions ?? []
    for (const { partitionIndex, committedOffset } of partitions) positions.set(partitionIndex, committedOffset < 0n ? 0n : committedOffset)
    const code = group?.errorCode !== 0 ? (group?.errorCode ?? -1) : (partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0)
    // Offsets of a pending transaction: asked for again.
    return code === UNSTABLE_OFFSET_COMMIT ? COORDINATOR_LOAD_IN_PROGRESS : code
  })
  return positions
}

const UNSTABLE_OFFSET_COMMIT = 88
const COORDINATOR_LOAD_IN_PROGRESS = 14
