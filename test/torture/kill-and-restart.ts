// A broker that is killed again and again while clients write with acks=all: what was acknowledged is there afterwards,
// at the offset that was told, once, in order.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { produce, readAll, recordBatch } from '../support/produce-fetch.ts'
import type { BatchSequence } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'
import { freePort } from '../support/free-port.ts'

export type TortureOptions = {
  readonly seed: number
  readonly kills: number
  readonly dataDir: string
  /** Whether an acknowledgement waits for the disk. */
  readonly flushOnAck: boolean
  /** Longest time under load before a kill, in milliseconds. */
  readonly loadMsMax: number
  progress(line: string): void
}

export type TortureOutcome = { readonly acknowledged: number; readonly stored: number; readonly violations: readonly string[] }

const PARTITION_COUNT = 4
const WRITERS_PER_PARTITION = 2
const TOPIC = 'torture'
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Runs the broker through its kills and tells what it broke; an empty list is what has to come out. */
export async function torture(options: TortureOptions): Promise<TortureOutcome> {
  const random = randomFrom(options.seed)
  const port = await freePort()
  let broker = await startBroker(port, options)
  await createTopic(port)
  const acknowledged: Acknowledged[] = []
  const isOver = { value: false }
  const writers = Array.from({ length: PARTITION_COUNT * WRITERS_PER_PARTITION }, (_, id) => {
    const idempotent = id >= PARTITION_COUNT
    return write({ id, partition: id % PARTITION_COUNT, idempotent, port, random, acknowledged, isOver })
  })
  for (let kill = 1; kill <= options.kills; kill++) {
    await after(20 + random() * options.loadMsMax)
    const gone = once(broker, 'exit')
    broker.kill('SIGKILL')
    await gone
    broker = await startBroker(port, options)
    options.progress(`kill ${kill} of ${options.kills}: ${acknowledged.length} batches acknowledged so far`)
  }
  isOver.value = true
  await Promise.all(writers)
  const outcome = await verify(port, acknowledged)
  const gone = once(broker, 'exit')
  broker.kill('SIGTERM')
  await gone
  return outcome
}

type Acknowledged = { readonly partition: number; readonly baseOffset: bigint; readonly values: readonly string[]; readonly idempotent: boolean }

type Writer = {
  readonly id: number
  readonly partition: number
  readonly idempotent: boolean
  readonly port: number
  readonly random: () => number
  readonly acknowledged: Acknowledged[]
  readonly isOver: { value: boolean }
}

async function write(writer: Writer): Promise<void> {
  const { id, partition, idempotent, random, acknowledged, isOver } = writer
  let client = await reconnect(writer.port)
  const producerId = idempotent ? (await client.call('InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 60_000 })).producerId : -1n
  let sent = 0
  while (!isOver.value) {
    const values = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => `writer ${id} value ${sent + index}`)
    const sequence: BatchSequence | undefined = idempotent ? { producerId, producerEpoch: 0, baseSequence: sent } : undefined
    const batch = recordBatch(values, sequence)
    for (;;) {
      try {
        const { errorCode, baseOffset } = await produce(client, TOPIC, partition, batch)
        if (errorCode === 0) {
          acknowledged.push({ partition, baseOffset, values, idempotent })
          break
        }
        if (errorCode !== NOT_LEADER) throw new Error(`produce was refused with ${errorCode}`)
        await after(10)
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('produce was refused')) throw error
        client.close()
        client = await reconnect(writer.port)
        // A writer without sequence numbers cannot know whether its batch was stored: it goes on with the next.
        if (!idempotent) break
      }
    }
    sent += values.length
  }
  client.close()
}

const NOT_LEADER = 6

async function verify(port: number, acknowledged: readonly Acknowledged[]): Promise<TortureOutcome> {
  const violations: string[] = []
  let stored = 0
  const client = await reconnect(port)
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const values = await readAll(client, TOPIC, partition)
    stored += values.size
    for (const { baseOffset, values: expected } of acknowledged.filter((each) => each.partition === partition)) {
      expected.forEach((value, index) => {
        const found = values.get(baseOffset + BigInt(index))
        if (found !== value) violations.push(`partition ${partition} offset ${baseOffset + BigInt(index)}: "${value}" was acknowledged, "${found}" is there`)
      })
    }
    violations.push(...repeatedOrReordered(partition, values))
  }
  client.close()
  return { acknowledged: acknowledged.reduce((sum, { values }) => sum + values.length, 0), stored, violations }
}

/** Values of one writer come once and in the order in which they were sent, whatever was acknowledged. */
function repeatedOrReordered(partition: number, values: ReadonlyMap<bigint, string>): string[] {
  const violations: string[] = []
  const last = new Map<string, number>()
  let expected = 0n
  for (const [offset, value] of values) {
    if (offset !== expected) violations.push(`partition ${partition}: offset ${offset} follows ${expected - 1n}`)
    expected = offset + 1n
    const [, writer = '', number = ''] = /^(writer \d+) value (\d+)$/.exec(value) ?? []
    const before = last.get(writer) ?? -1
    if (Number(number) <= before) violations.push(`partition ${partition} offset ${offset}: "${value}" comes after value ${before} of its writer`)
    last.set(writer, Number(number))
  }
  return violations
}

async function startBroker(port: number, { dataDir, flushOnAck }: TortureOptions): Promise<ChildProcess> {
  const args = [MAIN, 'serve', '--port', String(port), '--admin-port', 'none', '--data', dataDir, '--set', `log.flush.on.ack=${flushOnAck}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('listening')) resolve()
    })
    child.once('exit', (status) => reject(new Error(`the broker ended with ${status}: ${output}`)))
  })
  return child
}

async function createTopic(port: number): Promise<void> {
  const client = await reconnect(port)
  await client.call('CreateTopics', 5, { topics: [{ name: TOPIC, numPartitions: PARTITION_COUNT, replicationFactor: 1 }], timeoutMs: 10_000 })
  client.close()
}

async function reconnect(port: number): Promise<WireClient> {
  for (let attempt = 0; attempt < 3_000; attempt++) {
    try {
      return await WireClient.connect(port)
    } catch {
      await after(10)
    }
  }
  throw new Error('the broker does not come back')
}

/** The only waiting here: time under load, and between tries to connect. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
