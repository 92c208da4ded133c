import { beforeEach, describe, expect, test } from 'vitest'
import { CoordinatorRuntime } from '../../../src/coordinator/coordinator-runtime.ts'
import type { CoordinatorRecord, CoordinatorResult, CoordinatorShard, ShardContext } from '../../../src/coordinator/coordinator-shard.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { FakeCoordinatorLog, settled } from '../../support/fake-coordinator-log.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const TOPIC = '__counters'

/** Named counters; records are `name` → new value. A transaction's records count once it commits. */
class CounterShard implements CoordinatorShard {
  readonly counters = new Map<string, number>()
  readonly pending = new Map<bigint, [string, number][]>()
  readonly context: ShardContext<CounterShard>
  replayed: bigint[] = []
  loadedAt = 0
  unloaded = false

  constructor(context: ShardContext<CounterShard>) { this.context = context }

  replay(offset: bigint, producerId: bigint, { key, value }: CoordinatorRecord): void {
    const entry: [string, number] = [Buffer.from(key).toString(), Number(Buffer.from(value ?? []).toString())]
    if (entry[0] === 'poison') throw new Error('poison')
    this.replayed.push(offset)
    if (producerId === -1n) this.counters.set(...entry)
    else this.pending.set(producerId, [...(this.pending.get(producerId) ?? []), entry])
  }

  replayMarker(producerId: bigint, _epoch: number, commit: boolean): void {
    for (const entry of commit ? (this.pending.get(producerId) ?? []) : []) this.counters.set(...entry)
    this.pending.delete(producerId)
  }

  onLoaded(now: number): void { this.loadedAt = now }
  onUnloaded(): void { this.unloaded = true }
}

const record = (name: string, value: number | string): CoordinatorRecord => ({ key: Buffer.from(name), value: Buffer.from(String(value)) })
const set = (name: string, value: number) => (): CoordinatorResult<number> => ({ records: [record(name, value)], response: value })
const increment = (name: string) => (shard: CounterShard): CoordinatorResult<number> => {
  const value = (shard.counters.get(name) ?? 0) + 1
  return { records: [record(name, value)], response: value }
}

let log: FakeCoordinatorLog
let clock: ManualClock
let runtime: CoordinatorRuntime<CounterShard>
const create = (reloadsInNewEpoch = true): CoordinatorRuntime<CounterShard> => new CoordinatorRuntime<CounterShard>({
  reloadsInNewEpoch, topic: TOPIC, log, clock, timers: clock, logger: silentLogger, appendSizeMaxBytes: 1000, writeTimeoutMs: 5000, createShard: (_partition, context) => new CounterShard(context),
})
const counters = (): Record<string, number> => runtime.read(0, (shard) => Object.fromEntries(shard.counters))

beforeEach(async () => {
  log = new FakeCoordinatorLog()
  clock = new ManualClock()
  runtime = create()
  await runtime.load(0, 0)
})

describe('writes', () => {
  test('answer once committed and replayed, not before', async () => {
    log.hold()
    const written = runtime.write(0, set('a', 1))
    await settled()
    expect(log.of(TOPIC, 0)).toHaveLength(1)
    expect(counters()).toEqual({})
    await log.release()
    expect(await written).toBe(1)
    expect(counters()).toEqual({ a: 1 })
  })

  test('of one tick share one append', async () => {
    expect(await Promise.all([runtime.write(0, set('a', 1)), runtime.write(0, set('b', 2)), runtime.write(0, set('a', 3))])).toEqual([1, 2, 3])
    expect(log.appendCount).toBe(1)
    expect(counters()).toEqual({ a: 3, b: 2 })
  })

  test('split where an append would grow too large', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => runtime.write(0, set(`counter-${index}`, index))))
    expect(log.appendCount).toBe(2)
    expect(Object.keys(counters())).toHaveLength(40)
  })

  test('gather while appends are under way', async () => {
    log.hold()
    const writes: Promise<number>[] = []
    for (let round = 0; round < 10; round++) {
      writes.push(runtime.write(0, set(`c${round}`, round)))
      await settled()
    }
    expect(log.appendCount).toBe(4)
    await log.release()
    await Promise.all(writes)
    expect(log.appendCount).toBe(5)
  })

  test('take their outcome in the order of the log, whichever is acknowledged first', async () => {
    log.hold()
    const answered: number[] = []
    for (const value of [1, 2, 3]) {
      void runtime.write(0, set('a', value)).then((response) => answered.push(response))
      await settled()
    }
    await log.release('reversed')
    expect(answered).toEqual([1, 2, 3])
    expect(counters()).toEqual({ a: 3 })
    expect(runtime.read(0, (shard) => shard.replayed)).toEqual([0n, 1n, 2n])
  })

  test('of the same key build on each other; those of other keys do not wait', async () => {
    log.hold()
    const both = [runtime.write(0, increment('a'), null, 'a'), runtime.write(0, increment('a'), null, 'a')]
    const other = runtime.write(0, increment('b'), null, 'b')
    await settled()
    expect(log.of(TOPIC, 0)[0]?.records).toHaveLength(2)
    await log.release()
    expect(await Promise.all([...both, other])).toEqual([1, 2, 1])
  })

  test('of the same key that only read wait for what was decided before them, and thousands may', async () => {
    log.hold()
    void runtime.write(0, set('a', 7), null, 'a')
    const reads = Array.from({ length: 20_000 }, () => runtime.write(0, (shard) => ({ records: [], response: shard.counters.get('a') }), null, 'a'))
    await settled()
    await log.release()
    expect(new Set(await Promise.all(reads))).toEqual(new Set([7]))
  })

  test('without records cost no append', async () => {
    expect(await runtime.write(0, () => ({ records: [], response: 'ok' }))).toBe('ok')
    expect(log.appendCount).toBe(0)
  })

  test('tell the operation of commit and failure before anyone is answered', async () => {
    const order: string[] = []
    const watched = (name: string) => (): CoordinatorResult<void> => ({
      records: [record(name, 1)], response: undefined, onCommitted: () => order.push(`${name} committed`), onFailed: () => order.push(`${name} failed`),
    })
    await runtime.write(0, watched('a')).then(() => order.push('answered'))
    log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    await runtime.write(0, watched('b')).catch((error: KafkaError) => order.push(error.errorName))
    expect(order).toEqual(['a committed', 'answered', 'b failed', 'NOT_ENOUGH_REPLICAS'])
  })
})

describe('failures', () => {
  test('a failed append changes nothing and the next one goes on', async () => {
    log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    const failed = [runtime.write(0, increment('a'), null, 'a'), runtime.write(0, increment('b'), null, 'b')]
    const next = runtime.write(0, increment('a'), null, 'a')
    for (const write of failed) await expect(write).rejects.toThrow(KafkaError)
    expect(await next).toBe(1)
    expect(counters()).toEqual({ a: 1 })
  })

  test.each(['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_STORAGE_ERROR'] as const)('after %s memory is read anew from the log, for the records may be there', async (errorName) => {
    log.loseNextAnswer(new KafkaError(errorName))
    const lost = expect(runtime.write(0, increment('a'), null, 'a')).rejects.toMatchObject({ errorName })
    const behind = expect(runtime.write(0, increment('a'), null, 'a')).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    await lost
    await behind
    await settled()
    expect(counters()).toEqual({ a: 1 })
    expect(await runtime.write(0, increment('a'), null, 'a')).toBe(2)
  })

  test('a leader that hears it is none gives the partition up at once, and looks again a second later', async () => {
    log.failNextAppend(new KafkaError('NOT_LEADER_OR_FOLLOWER'))
    await expect(runtime.write(0, increment('a'))).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
    await expect(runtime.write(0, increment('a'))).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    clock.advance(1000)
    await settled()
    expect(await runtime.write(0, increment('a'))).toBe(1)
  })

  test('a marker whose outcome is not known is found again in the log', async () => {
    const producer = { producerId: 7n, producerEpoch: 0, transactional: true }
    await runtime.write(0, set('a', 1), producer)
    log.loseNextAnswer(new KafkaError('REQUEST_TIMED_OUT'))
    await expect(runtime.completeTransaction(0, 7n, 0, 1, true, false)).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
    await settled()
    expect(counters()).toEqual({ a: 1 })
  })

  test('who waits too long is told so; the write takes effect all the same, and what waited behind it is not done', async () => {
    log.hold()
    const slow = expect(runtime.write(0, increment('a'), null, 'a')).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
    const behind = expect(runtime.write(0, increment('a'), null, 'a')).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
    await settled()
    clock.advance(4999)
    const patient = runtime.write(0, increment('a'), null, 'a')
    clock.advance(1)
    await slow
    await behind
    await log.release()
    expect(await patient).toBe(2)
    expect(counters()).toEqual({ a: 2 })
    clock.advance(5000)
    expect(clock.pending().size).toBe(0)
  })

  test('an operation that throws rejects its write alone', async () => {
    const failing = runtime.write(0, () => { throw new KafkaError('UNKNOWN_MEMBER_ID') }, null, 'a')
    const following = runtime.write(0, increment('a'), null, 'a')
    await expect(failing).rejects.toMatchObject({ errorName: 'UNKNOWN_MEMBER_ID' })
    expect(await following).toBe(1)
  })

  test('records that no append can hold are refused before anything is written', async () => {
    const write = runtime.write(0, () => ({ records: [record('a', 'x'.repeat(2000))], response: 0 }))
    await expect(write).rejects.toMatchObject({ errorName: 'RECORD_LIST_TOO_LARGE' })
    expect(log.appendCount).toBe(0)
  })

  test('a partition that cannot replay its own record stops', async () => {
    await expect(runtime.write(0, () => ({ records: [record('poison', 1)], response: 0 }))).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    expect(() => counters()).toThrow(KafkaError)
  })
})

describe('load and unload', () => {
  test('state is what the log says, with transactions as far as they are decided', async () => {
    const producer = (producerId: bigint) => ({ producerId, producerEpoch: 0, transactional: true })
    await runtime.write(0, set('a', 1))
    await runtime.write(0, set('a', 2), producer(7n))
    await runtime.write(0, set('b', 3), producer(8n))
    await runtime.write(0, set('c', 4), producer(9n))
    expect(counters()).toEqual({ a: 1 })
    await runtime.completeTransaction(0, 7n, 0, 1, true, false)
    await runtime.completeTransaction(0, 8n, 0, 1, false, false)
    expect(counters()).toEqual({ a: 2 })
    expect(log.of(TOPIC, 0).map((batch) => batch.control?.type ?? batch.producerId)).toEqual([-1n, 7n, 8n, 9n, 'COMMIT', 'ABORT'])

    runtime = create()
    await runtime.load(0, 0)
    expect(counters()).toEqual({ a: 2 })
    await runtime.completeTransaction(0, 9n, 0, 1, true, false)
    expect(counters()).toEqual({ a: 2, c: 4 })
  })

  test('a marker follows the records of the same tick', async () => {
    const written = runtime.write(0, set('a', 1), { producerId: 7n, producerEpoch: 0, transactional: true })
    await runtime.completeTransaction(0, 7n, 0, 1, true, false)
    await written
    expect(log.of(TOPIC, 0).map((batch) => batch.control?.type ?? null)).toEqual([null, 'COMMIT'])
    expect(counters()).toEqual({ a: 1 })
  })

  test('transactions never share a batch with others', async () => {
    const producer = { producerId: 7n, producerEpoch: 0, transactional: true }
    await Promise.all([runtime.write(0, set('a', 1)), runtime.write(0, set('b', 1), producer), runtime.write(0, set('c', 1), { ...producer }), runtime.write(0, set('d', 1))])
    expect(log.of(TOPIC, 0).map((batch) => [batch.producerId, batch.records.length])).toEqual([[-1n, 1], [7n, 2], [-1n, 1]])
  })

  test('operations are refused while loading, and where the partition is not here', async () => {
    const loading = runtime.load(1, 0)
    expect(runtime.isLoading()).toBe(true)
    const early = expect(runtime.write(1, increment('a'))).rejects.toMatchObject({ errorName: 'COORDINATOR_LOAD_IN_PROGRESS' })
    expect(() => runtime.read(1, () => 0)).toThrow(expect.objectContaining({ errorName: 'COORDINATOR_LOAD_IN_PROGRESS' }))
    await early
    await loading
    expect(runtime.isLoading()).toBe(false)
    expect(await runtime.write(1, increment('a'))).toBe(1)
    await expect(runtime.write(2, increment('a'))).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    await expect(runtime.completeTransaction(2, 1n, 0, 0, true, false)).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
  })

  test('unloading refuses what waits and drops what is acknowledged later', async () => {
    log.hold()
    const shard = runtime.read(0, (each) => each)
    const outcomes = Promise.allSettled([runtime.write(0, increment('a'), null, 'a'), runtime.write(0, increment('a'), null, 'a')])
    await settled()
    runtime.unload(0)
    expect(shard.unloaded).toBe(true)
    const names = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as KafkaError).errorName : 'answered'))
    expect(names).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR'])
    await log.release()
    expect(shard.counters.size).toBe(0)
    await runtime.load(0, 0)
    expect(counters()).toEqual({ a: 1 })
  })

  test('a load that fails gives the partition up', async () => {
    log.of(TOPIC, 3).push({ baseOffset: 0n, lastOffset: 0n, producerId: -1n, producerEpoch: -1, transactional: false, control: null, records: [{ offset: 0n, timestampMs: 0, ...record('poison', 1) }] })
    await expect(runtime.load(3, 0)).rejects.toThrow('poison')
    await expect(runtime.write(3, increment('a'))).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    expect(runtime.isLoaded(3)).toBe(false)
    expect(runtime.isLoading()).toBe(false)
  })

  test('a load that failed is tried again, less and less often, until the partition is led elsewhere', async () => {
    log.of(TOPIC, 3).push({ baseOffset: 0n, lastOffset: 0n, producerId: -1n, producerEpoch: -1, transactional: false, control: null, records: [{ offset: 0n, timestampMs: 0, ...record('poison', 1) }] })
    await expect(runtime.load(3, 0)).rejects.toThrow('poison')
    const pauses: number[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      const [, dueMs = 0] = [...clock.pending()].find(([key]) => key.endsWith('-3-load')) ?? []
      pauses.push(dueMs - clock.monotonicMs())
      if (attempt === 3) log.of(TOPIC, 3).length = 0
      clock.advance(dueMs - clock.monotonicMs())
      await settled()
    }
    expect(pauses).toEqual([100, 200, 400, 800])
    expect(runtime.isLoaded(3)).toBe(true)
    log.leaderEpoch = 1
    await expect(runtime.load(3, 2)).rejects.toMatchObject({ errorName: 'NOT_COORDINATOR' })
    runtime.unload(3)
    expect([...clock.pending().keys()].filter((key) => key.endsWith('load'))).toEqual([])
  })

  test('a load waits until all that was written before it is committed', async () => {
    await runtime.write(0, set('a', 1))
    await runtime.write(0, set('a', 2))
    log.leaderEpoch = 5
    log.uncommitted.set(`${TOPIC}-0`, 2n)
    const loading = runtime.load(0, 5)
    for (const left of [2n, 1n]) {
      log.commitBut(TOPIC, 0, left)
      await settled()
      expect(() => counters()).toThrow(expect.objectContaining({ errorName: 'COORDINATOR_LOAD_IN_PROGRESS' }))
    }
    log.commitBut(TOPIC, 0, 0n)
    await loading
    expect(counters()).toEqual({ a: 2 })
    expect(log.watchCount).toBe(0)
  })

  test('a load that is overtaken while it waits leaves nothing behind', async () => {
    await runtime.write(0, set('a', 1))
    runtime.unload(0)
    log.uncommitted.set(`${TOPIC}-0`, 1n)
    const overtaken = runtime.load(0, 0)
    await settled()
    log.leaderEpoch = 1
    const later = runtime.load(0, 1)
    await overtaken
    await settled()
    expect(log.watchCount).toBe(1)
    log.commitBut(TOPIC, 0, 0n)
    await later
    expect(counters()).toEqual({ a: 1 })
    runtime.unload(0)
    expect(clock.pending().size).toBe(0)
  })

  test('a higher epoch loads again where shards act in an epoch; the same one or an older one does nothing', async () => {
    await runtime.load(0, 0)
    const before = runtime.read(0, (shard) => shard)
    expect(before.unloaded).toBe(false)
    log.leaderEpoch = 2
    await runtime.load(0, 2)
    expect(before.unloaded).toBe(true)
    expect(runtime.read(0, (shard) => shard.context.leaderEpoch)).toBe(2)
    await runtime.load(0, 1)
    expect(runtime.read(0, (shard) => shard.context.leaderEpoch)).toBe(2)
  })

  test('where shards do not, a loaded one goes on, and one that is loading begins again', async () => {
    runtime = create(false)
    log.uncommitted.set(`${TOPIC}-0`, 0n)
    await log.append(TOPIC, 0, [record('a', 1)], null)
    log.uncommitted.set(`${TOPIC}-0`, 1n)
    const overtaken = runtime.load(0, 0)
    await settled()
    log.leaderEpoch = 2
    const loading = runtime.load(0, 2)
    await overtaken
    log.commitBut(TOPIC, 0, 0n)
    await loading
    const shard = runtime.read(0, (each) => each)
    log.leaderEpoch = 3
    await runtime.load(0, 3)
    await runtime.load(0, 2)
    expect(runtime.read(0, (each) => each)).toBe(shard)
    // What is lost later is read anew in the epoch of then.
    log.loseNextAnswer(new KafkaError('REQUEST_TIMED_OUT'))
    await expect(runtime.write(0, set('a', 2))).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
    await settled()
    expect(counters()).toEqual({ a: 2 })
    expect(runtime.read(0, (each) => each.context.leaderEpoch)).toBe(3)
  })

})

describe('a shard\'s own timers and writes', () => {
  test('run, and end with the shard', async () => {
    const { context } = runtime.read(0, (shard) => shard)
    context.timers.set('tick', 100, () => context.write('tick', set('ticks', 1) as never))
    clock.advance(100)
    await settled()
    expect(counters()).toEqual({ ticks: 1 })
    let ran = false
    context.timers.set('tick', 100, () => { ran = true })
    runtime.unload(0)
    context.timers.set('late', 1, () => { ran = true })
    clock.advance(1000)
    expect(ran).toBe(false)
    expect(clock.pending().size).toBe(0)
  })

  test('are not the timers of the shard that followed', async () => {
    const before = runtime.read(0, (shard) => shard.context)
    log.leaderEpoch = 1
    await runtime.load(0, 1)
    let ran = false
    runtime.read(0, (shard) => shard.context).timers.set('tick', 100, () => { ran = true })
    before.timers.cancel('tick')
    clock.advance(100)
    expect(ran).toBe(true)
  })
})
