// Records from a consumer group, through a client library that knows groups, codecs and transactions; loaded only here.

import type { ConsumedRecord } from './output-format.ts'

export type StartOffset = { readonly partition: number; readonly offset: bigint }

export type StreamOptions = {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly groupId: string
  /** Whether what was handed out is committed. */
  readonly commits: boolean
  readonly fromBeginning: boolean
  /** Where to begin, for every partition; null for the group's offsets. */
  readonly start: readonly StartOffset[] | null
  readonly isolationLevel: 0 | 1
  /** The stream ends when nothing came for so long; null for never. */
  readonly idleTimeoutMs: number | null
  readonly signal: AbortSignal
}

export type RecordStream = { records(): AsyncIterable<ConsumedRecord>; close(): Promise<void> }

const COMMIT_INTERVAL_MS = 1_000
const FETCH_WAIT_MS = 500

/** The library is written for Node 22; this is the one thing of it that Node 20 lacks on the way to our records. */
function provideWithResolvers(): void {
  const constructor = Promise as unknown as { withResolvers?: <T>() => { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } }
  constructor.withResolvers ??= <T>() => {
    let resolve: (value: T) => void = () => {}
    let reject: (reason: unknown) => void = () => {}
    const promise = new Promise<T>((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]))
    return { promise, resolve, reject }
  }
}

export async function openStream(options: StreamOptions): Promise<RecordStream> {
  provideWithResolvers()
  const { Consumer, MessagesStreamFallbackModes, MessagesStreamModes } = await import('@platformatic/kafka')
  const consumer = new Consumer({
    clientId: 'millrace-cli',
    groupId: options.groupId,
    bootstrapBrokers: [...options.brokers],
    isolationLevel: options.isolationLevel,
    maxWaitTime: FETCH_WAIT_MS,
    minBytes: 1,
  })
  const fallback = options.fromBeginning ? MessagesStreamFallbackModes.EARLIEST : MessagesStreamFallbackModes.LATEST
  const whereTo =
    options.start !== null
      ? { mode: MessagesStreamModes.MANUAL, offsets: options.start.map(({ partition, offset }) => ({ topic: options.topic, partition, offset })) }
      : { mode: MessagesStreamModes.COMMITTED, fallbackMode: fallback }
  const stream = await consumer.consume({ topics: [options.topic], autocommit: false, ...whereTo })
  let idle: NodeJS.Timeout | undefined
  /** Of each partition the offset after the last record that was handed out and dealt with. */
  const done = new Map<number, bigint>()
  let committedAtMs = Date.now()
  const commit = async (): Promise<void> => {
    if (!options.commits || done.size === 0) return
    const offsets = [...done].map(([partition, offset]) => ({ topic: options.topic, partition, offset, leaderEpoch: -1 }))
    done.clear()
    committedAtMs = Date.now()
    await consumer.commit({ offsets })
  }
  const end = (): void => void stream.close()
  const expectMore = (): void => {
    clearTimeout(idle)
    if (options.idleTimeoutMs !== null) idle = setTimeout(end, options.idleTimeoutMs)
  }
  options.signal.addEventListener('abort', end, { once: true })
  return {
    async *records() {
      expectMore()
      for await (const message of stream) {
        expectMore()
        // Before it is handed out: whoever stops reading has dealt with it.
        done.set(message.partition, message.offset + 1n)
        yield {
          topic: message.topic,
          partition: message.partition,
          offset: message.offset,
          timestampMs: Number(message.timestamp),
          key: message.key ?? null,
          value: message.value ?? null,
          headers: [...message.headers].map(([key, value]) => ({ key: key.toString('utf8'), value: value ?? null })),
        }
        if (Date.now() - committedAtMs > COMMIT_INTERVAL_MS) await commit()
      }
    },
    async close() {
      clearTimeout(idle)
      options.signal.removeEventListener('abort', end)
      await commit()
      await consumer.close(true)
    },
  }
}
