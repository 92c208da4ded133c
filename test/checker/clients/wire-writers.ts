// Writers over the wire: with transactions of KIP-890, one that makes records up and one that copies what it reads, exactly
// once; one that is only idempotent; and one that is neither and sends nothing twice.

import { ClusterClient } from '../../support/cluster-client.ts'
import { produce, recordBatch } from '../../support/produce-fetch.ts'
import { poll } from '../log-reader.ts'
import type { Setting } from './setting.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after, valueMaker } from './setting.ts'
import { Refused, WireProducer, until } from './wire-producer.ts'

const MAX_COPIED = 40

export async function wireWriter(setting: Setting): Promise<void> {
  const { random, record, isOver, name, identity } = setting
  const values = valueMaker(name)
  let count = 0
  await inSessions(setting, identity, async (producer, session) => {
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

/** Idempotent: whatever happens to the leader, each record is there once and in order. */
export async function idempotentWriter(setting: Setting): Promise<void> {
  const { random, record, isOver, name } = setting
  const values = valueMaker(name)
  await inSessions(setting, null, async (producer, session) => {
    while (!isOver()) {
      const partition = random(PARTITION_COUNT)
      const sent = values(1 + random(5))
      record({ type: 'send', producer: session, transaction: null, topic: EVENTS, partition, values: sent })
      record({ type: 'acknowledged', values: sent, offset: await producer.send(EVENTS, partition, sent) })
      await after(random(20))
    }
  })
}

/** With acks=all and no sequence numbers. Nothing is sent twice, and after an error a new session begins: what was not answered may arrive late. */
export async function unrepeatedWriter({ bootstrap, acks, random, record, isOver, name }: Setting): Promise<void> {
  const values = valueMaker(name)
  const client = new ClusterClient(bootstrap)
  let session = 0
  while (!isOver()) {
    const partition = random(PARTITION_COUNT)
    const sent = values(1 + random(5))
    try {
      const leader = await client.leader(EVENTS, partition)
      record({ type: 'send', producer: `${name} session ${session}`, transaction: null, topic: EVENTS, partition, values: sent })
      const { errorCode, baseOffset } = await produce(leader, EVENTS, partition, recordBatch(sent), acks)
      if (errorCode !== 0) throw new Refused('Produce', errorCode)
      record({ type: 'acknowledged', values: sent, offset: Number(baseOffset) })
      await after(random(20))
    } catch {
      client.forget()
      session++
      await after(50)
    }
  }
  client.close()
}

/** Reads committed events, writes a copy of each and its own position in one transaction; two of one identity fence each other. */
export async function copier(setting: Setting): Promise<void> {
  const { random, record, isOver, name, identity } = setting
  const values = valueMaker(name)
  let count = 0
  await inSessions(setting, identity, async (producer, session) => {
    let positions = await committedPositions(producer, identity)
    while (!isOver()) {
      const partition = random(PARTITION_COUNT)
      const { records, nextOffset } = await poll(await producer.client.leader(EVENTS, partition), EVENTS, partition, positions.get(partition) ?? 0n, true)
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
async function inSessions({ name, bootstrap, isOver }: Setting, transactionalId: string | null, work: (producer: WireProducer, session: string) => Promise<void>): Promise<void> {
  for (let session = 0; !isOver(); session++) {
    let producer: WireProducer | undefined
    try {
      producer = await WireProducer.start(bootstrap, transactionalId)
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
  await until(client, 'OffsetFetch', async () => {
    const partitionIndexes = Array.from({ length: PARTITION_COUNT }, (_, index) => index)
    const answer = await (await client.groupCoordinator(groupId)).call('OffsetFetch', 8, { groups: [{ groupId, topics: [{ name: EVENTS, partitionIndexes }] }], requireStable: true })
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
