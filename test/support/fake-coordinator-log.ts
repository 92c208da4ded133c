// The log of an internal topic in memory. Appends take effect at once; their outcome can be held back or made to fail.

import type { BatchProducer, CoordinatorLog, LogOffsets, StoredBatch } from '../../src/coordinator/coordinator-log.ts'
import type { CoordinatorRecord } from '../../src/coordinator/coordinator-shard.ts'

export class FakeCoordinatorLog implements CoordinatorLog {
  /** Batches of all partitions, by `topic-partition`. */
  readonly batches = new Map<string, StoredBatch[]>()
  appendCount = 0
  /** In which every partition is led. */
  leaderEpoch = 0
  /** How much of each partition's end is not committed yet, by `topic-partition`. */
  readonly uncommitted = new Map<string, bigint>()
  readonly #watches = new Set<() => void>()
  nowMs: () => number = () => 0
  #failure: Error | null = null
  #lostAnswer: Error | null = null
  #held: (() => void)[] | null = null

  /** The next append stores nothing and rejects. */
  failNextAppend(error: Error): void { this.#failure = error }
  /** The next append is stored, and rejects all the same. */
  loseNextAnswer(error: Error): void { this.#lostAnswer = error }
  /** From now on appends are stored but not acknowledged. */
  hold(): void { this.#held = [] }
  /** Acknowledges what is held, in the order given by `order`. */
  async release(order: 'as appended' | 'reversed' = 'as appended'): Promise<void> {
    const held = this.#held ?? []
    this.#held = null
    for (const acknowledge of order === 'reversed' ? held.reverse() : held) acknowledge()
    await settled()
  }

  of(topic: string, partition: number): StoredBatch[] {
    const key = `${topic}-${partition}`
    let batches = this.batches.get(key)
    if (batches === undefined) this.batches.set(key, (batches = []))
    return batches
  }

  async append(topic: string, partition: number, records: CoordinatorRecord[], producer: BatchProducer | null): Promise<bigint> {
    this.appendCount++
    this.#throwFailure()
    const baseOffset = this.#end(topic, partition)
    this.of(topic, partition).push({
      baseOffset, lastOffset: baseOffset + BigInt(records.length - 1),
      producerId: producer?.producerId ?? -1n, producerEpoch: producer?.producerEpoch ?? -1, transactional: producer?.transactional ?? false,
      control: null,
      records: records.map(({ key, value }, index) => ({ offset: baseOffset + BigInt(index), timestampMs: this.nowMs(), key, value })),
    })
    await this.#acknowledged()
    return baseOffset
  }

  async appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean): Promise<void> {
    this.appendCount++
    this.#throwFailure()
    const baseOffset = this.#end(topic, partition)
    this.of(topic, partition).push({
      baseOffset, lastOffset: baseOffset, producerId, producerEpoch, transactional: true,
      control: { type: commit ? 'COMMIT' : 'ABORT', coordinatorEpoch }, records: [],
    })
    await this.#acknowledged()
  }

  async read(topic: string, partition: number, offset: bigint): Promise<StoredBatch[]> {
    const batch = this.of(topic, partition).find((each) => each.lastOffset >= offset)
    return batch === undefined ? [] : [batch]
  }

  offsets(topic: string, partition: number): LogOffsets | null {
    const logEndOffset = this.#end(topic, partition)
    return { logStartOffset: 0n, highWatermark: logEndOffset - (this.uncommitted.get(`${topic}-${partition}`) ?? 0n), logEndOffset, leaderEpoch: this.leaderEpoch }
  }

  watch(_topic: string, _partition: number, onAdvance: () => void): () => void {
    this.#watches.add(onAdvance)
    return () => this.#watches.delete(onAdvance)
  }

  get watchCount(): number {
    return this.#watches.size
  }

  /** Commits the partition but for this many records of its end. */
  commitBut(topic: string, partition: number, count: bigint): void {
    this.uncommitted.set(`${topic}-${partition}`, count)
    const watches = [...this.#watches]
    this.#watches.clear()
    for (const advanced of watches) advanced()
  }

  #end(topic: string, partition: number): bigint {
    return (this.of(topic, partition).at(-1)?.lastOffset ?? -1n) + 1n
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure
  }

  async #acknowledged(): Promise<void> {
    const lost = this.#lostAnswer
    this.#lostAnswer = null
    if (lost !== null) throw lost
    const held = this.#held
    if (held !== null) await new Promise<void>((resolve) => held.push(resolve))
  }
}

/** Waits until everything that can go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
