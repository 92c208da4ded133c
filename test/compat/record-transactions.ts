// Records what a running Apache Kafka answers to the conversations of test/golden/transactions.
//
//   node test/compat/record-transactions.ts answers PORT [NAME...]
//   node test/compat/record-transactions.ts records < what kafka-console-consumer prints of __transaction_state
//
// The broker must be fresh, with transaction.abort.timed.out.transaction.cleanup.interval.ms=500. The consumer is to use
// --from-beginning --formatter org.apache.kafka.tools.consumer.TransactionLogMessageFormatter.

import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { errorCode } from '../../src/protocol/error-codes.ts'
import type { Talk } from '../golden/transactions/conversations.ts'
import { CONVERSATIONS, PARTITION_COUNT, TOPIC } from '../golden/transactions/conversations.ts'
import { Trace } from '../golden/transactions/trace.ts'
import { WireClient } from '../support/wire-client.ts'

const RETRY_MS = 20

async function prepare(client: WireClient): Promise<void> {
  await client.call('CreateTopics', 7, { topics: [{ name: TOPIC, numPartitions: PARTITION_COUNT, replicationFactor: 1 }], timeoutMs: 10_000 })
  for (const [keyType, key] of [[1, 'golden'], [0, 'golden-offsets']] as const) {
    for (;;) {
      const { coordinators } = await client.call('FindCoordinator', 6, { keyType, coordinatorKeys: [key] })
      if (coordinators[0]?.errorCode === 0) break
      await pause(RETRY_MS)
    }
  }
}

class RecordedTalk implements Talk {
  readonly trace = new Trace()
  readonly #client: WireClient

  constructor(client: WireClient) {
    this.#client = client
  }

  async call<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const response = await this.quietly(api, version, request)
    this.trace.add(api, version, request, response)
    return response
  }

  async quietly<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    for (;;) {
      const response = await this.#client.call(api, version, request)
      if (!errorsOf(response).some((code) => RETRIED.has(code))) return response
      await pause(RETRY_MS)
    }
  }

  async completed(transactionalId: string): Promise<void> {
    await this.#until(transactionalId, (state) => !state.startsWith('Prepare'))
  }

  async timedOut(transactionalId: string): Promise<void> {
    await this.#until(transactionalId, (state) => state === 'CompleteAbort')
  }

  async #until(transactionalId: string, condition: (state: string) => boolean): Promise<void> {
    for (;;) {
      const { transactionStates } = await this.#client.call('DescribeTransactions', 0, { transactionalIds: [transactionalId] })
      if (transactionStates[0] !== undefined && condition(transactionStates[0].transactionState)) return
      await pause(RETRY_MS)
    }
  }
}

const RETRIED = new Set([errorCode('CONCURRENT_TRANSACTIONS'), errorCode('COORDINATOR_LOAD_IN_PROGRESS'), errorCode('NOT_COORDINATOR'), errorCode('COORDINATOR_NOT_AVAILABLE')])

function errorsOf(value: unknown, field = ''): number[] {
  if (typeof value === 'number') return /errorCode$/i.test(field) ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => errorsOf(each, Array.isArray(value) ? field : name))
}

async function recordAnswers(port: number, names: readonly string[]): Promise<void> {
  const client = await WireClient.connect(port)
  await prepare(client)
  for (const [name, converse] of Object.entries(CONVERSATIONS)) {
    if (names.length > 0 && !names.includes(name)) continue
    const talk = new RecordedTalk(client)
    await converse(talk)
    const lines = talk.trace.steps.map((step) => JSON.stringify(step))
    writeGolden(name, `[\n${lines.join(',\n')}\n]\n`)
    console.log(`${name}: ${lines.length} answers`)
  }
  client.close()
}

type PrintedRecord = { key: { data: { transactionalId: string } }; value: { data: Record<string, unknown> } | null }

/** The printed records follow each other without a separator. */
function recordRecords(printed: string): void {
  const records = JSON.parse(`[${printed.trim().replaceAll('}{', '},{')}]`) as PrintedRecord[]
  const byId = new Map<string, unknown[]>()
  for (const { key, value } of records) {
    const { transactionalId } = key.data
    byId.set(transactionalId, [...(byId.get(transactionalId) ?? []), value?.data ?? null])
  }
  const short = [...byId].filter(([id, values]) => id.startsWith('golden-') && values.length <= RECORDS_PER_ID_MAX).toSorted()
  const lines = short.map(([id, values]) => `${JSON.stringify(id)}: [\n${new Trace().records(values).map((value) => `  ${JSON.stringify(value)}`).join(',\n')}\n]`)
  writeGolden('records', `{\n${lines.join(',\n')}\n}\n`)
}

/** Ids whose epochs were used up one by one are left out. */
const RECORDS_PER_ID_MAX = 1_000

function writeGolden(name: string, content: string): void {
  writeFileSync(new URL(`../golden/transactions/${name}.json`, import.meta.url), content)
}

const [what, port, ...names] = process.argv.slice(2)
if (what === 'answers') await recordAnswers(Number(port), names)
else if (what === 'records') recordRecords(readFileSync(0, 'utf8'))
else throw new Error('either answers or records')
