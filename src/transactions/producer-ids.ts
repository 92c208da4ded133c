// Gives out producer ids from blocks that the controller allocates durably, so that none is ever given twice, also not
// by another broker or after a restart: what is left of a block when the broker stops is lost on purpose.

/** Allocates blocks of producer ids; a block must be recorded before it is handed out. */
export interface ProducerIdBlocks {
  allocate(): Promise<{ first: bigint; size: number }>
}

/** The next block is asked for when this share of the current one is left, so that nobody waits for it. */
const PREFETCH_SHARE = 0.1

export class ProducerIds {
  readonly #blocks: ProducerIdBlocks
  #next = 0n
  #end = 0n
  #prefetchAt = 0n
  #fetched: { first: bigint; size: number } | null = null
  #fetching: Promise<void> | null = null

  constructor(blocks: ProducerIdBlocks) {
    this.#blocks = blocks
  }

  /** A producer id that was never given out. Rejects with what the controller answered if it has no block for us. */
  async next(): Promise<bigint> {
    while (this.#next === this.#end) {
      if (this.#fetched === null) await this.#fetch()
      else this.#use(this.#fetched)
    }
    const producerId = this.#next++
    // A failure shows up again, to someone who waits, when the block is used up.
    if (this.#next >= this.#prefetchAt && this.#fetched === null) this.#fetch().catch(() => {})
    return producerId
  }

  #use(block: { first: bigint; size: number }): void {
    this.#fetched = null
    this.#next = block.first
    this.#end = block.first + BigInt(block.size)
    this.#prefetchAt = this.#end - BigInt(Math.ceil(block.size * PREFETCH_SHARE))
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#blocks.allocate().then((block) => {
      this.#fetched = block
    }).finally(() => {
      this.#fetching = null
    })
    return this.#fetching
  }
}
