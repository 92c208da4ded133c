// A producer that sends at a fixed rate whatever happens to what it sent before, and a consumer group that reads it all, both
// KafkaJS with the retries it has by default. Latency counts from the moment at which a record was due (no coordinated omission).

import { Kafka, logLevel } from 'kafkajs'
import type { BrokerAddress } from '../support/cluster-client.ts'

export type LoadReport = { readonly sent: number; readonly consumed: number; readonly duplicates: number; readonly errors: readonly string[]; /** In order of time. */ readonly latenciesMs: readonly number[] }

const DRAIN_MS = 60_000
const LOOK_AGAIN_MS = 50

export class OpenLoopLoad {
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #partitionCount: number
  readonly #intervalMs: number
  readonly #latenciesMs: number[] = []
  readonly #errors: string[] = []
  readonly #consumed = new Set<string>()
  #duplicates = 0
  #sent = 0
  #isOver = false
  #running: Promise<void> = Promise.resolve()
  #stop: () => Promise<void> = async () => {}

  constructor(bootstrap: readonly BrokerAddress[], topic: string, partitionCount: number, recordsPerSecond: number) {
    this.#kafka = new Kafka({ clientId: 'open-loop', brokers: bootstrap.map(({ host, port }) => `${host}:${port}`), logLevel: logLevel.NOTHING })
    this.#topic = topic
    this.#partitionCount = partitionCount
    this.#intervalMs = 1_000 / recordsPerSecond
  }

  /** Resolves once records flow to the consumer. */
  async start(): Promise<void> {
    const producer = this.#kafka.producer()
    const consumer = this.#kafka.consumer({ groupId: `readers-of-${this.#topic}` })
    // A crash after which it starts again by itself is what its retries are for; one that ends it is an error.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) this.#errors.push(`consumer: ${payload.error.message}`)
    })
    await producer.connect()
    await consumer.connect()
    await consumer.subscribe({ topics: [this.#topic], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        const value = String(message.value)
        if (this.#consumed.has(value)) this.#duplicates++
        this.#consumed.add(value)
      },
    })
    this.#running = this.#send(producer)
    this.#stop = async () => {
      await consumer.disconnect()
      await producer.disconnect()
    }
    await this.#untilConsumed(1)
    this.#latenciesMs.length = 0
  }

  /** Ends when all that was sent was answered and read. */
  async end(): Promise<LoadReport> {
    this.#isOver = true
    await this.#running
    await this.#untilConsumed(this.#sent)
    await this.#stop()
    return { sent: this.#sent, consumed: this.#consumed.size, duplicates: this.#duplicates, errors: this.#errors, latenciesMs: this.#latenciesMs }
  }

  async #send(producer: ReturnType<Kafka['producer']>): Promise<void> {
    const beganMs = performance.now()
    const open = new Set<Promise<void>>()
    for (let index = 0; !this.#isOver; ) {
      const dueMs = beganMs + index * this.#intervalMs
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) {
        await after(waitMs)
        continue
      }
      const one = this.#sendOne(producer, index, dueMs).then(() => void open.delete(one))
      open.add(one)
      index++
    }
    await Promise.all(open)
  }

  async #sendOne(producer: ReturnType<Kafka['producer']>, index: number, dueMs: number): Promise<void> {
    try {
      await producer.send({ topic: this.#topic, acks: -1, messages: [{ value: `${index}`, partition: index % this.#partitionCount }] })
      this.#latenciesMs.push(performance.now() - dueMs)
      this.#sent++
    } catch (error) {
      this.#errors.push(`producer: ${(error as Error).message}`)
    }
  }

  async #untilConsumed(count: number): Promise<void> {
    for (const deadlineMs = performance.now() + DRAIN_MS; this.#consumed.size < count; ) {
      if (performance.now() > deadlineMs) {
        this.#errors.push(`consumer: ${this.#consumed.size} of ${count} records read ${DRAIN_MS / 1_000} s after the last was sent`)
        return
      }
      await after(LOOK_AGAIN_MS)
    }
  }
}

/** The pace of the load itself, and looks at what was read. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
