// `node test/compat/same-bytes/run.ts KAFKA_PORT MILLRACE_PORT`: asks two fresh brokers the same, at every version that
// both serve, and tells where their answers differ.

import type { ApiName } from '../../../src/protocol/api-keys.ts'
import { API_KEYS } from '../../../src/protocol/api-keys.ts'
import { WireClient } from '../../support/wire-client.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { ACCEPTED } from './accepted.ts'
import { differences, normalize } from './compare.ts'
import type { Difference } from './compare.ts'
import { CONVERSATION } from './conversation.ts'
import type { Known, Question } from './question.ts'

const ANSWER_MS = 90_000
const RETRY_MS = 100
/** A coordinator that is being loaded, a topic that is being made or a transaction that is being ended: asked again. */
const NOT_YET: ReadonlySet<number> = new Set([14, 15, 16, 5, 51])
const CLOSED = 'the connection was closed'

type Ranges = ReadonlyMap<string, { min: number; max: number }>

export class Peer {
  readonly known: Known = { topicIds: new Map(), producers: new Map(), members: new Map() }
  readonly #port: number
  #client: WireClient | undefined

  constructor(port: number) {
    this.#port = port
  }

  async ask({ api, request }: Question, version: number): Promise<unknown> {
    const body = request(version, this.known)
    for (const began = Date.now(); ; ) {
      const answer = await this.#call(api, version, body)
      if (!errorsOf(answer).some((code) => NOT_YET.has(code)) || Date.now() - began > ANSWER_MS) {
        this.#learn(api, body, answer)
        return answer
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  async ranges(): Promise<Ranges> {
    const { apiKeys } = (await this.#call('ApiVersions', 3, { clientSoftwareName: 'same-bytes', clientSoftwareVersion: '1' })) as { apiKeys: { apiKey: number; minVersion: number; maxVersion: number }[] }
    const names = new Map(API_KEYS.map(({ key, name }) => [key, name]))
    return new Map(apiKeys.map(({ apiKey, minVersion, maxVersion }) => [names.get(apiKey) ?? String(apiKey), { min: minVersion, max: maxVersion }]))
  }

  async #call(api: ApiName, version: number, body: object): Promise<unknown> {
    this.#client ??= await WireClient.connect(this.#port)
    const client = this.#client
    let timer: NodeJS.Timeout | undefined
    try {
      const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('no answer')), ANSWER_MS)))
      return await Promise.race([client.call(api, version, body as never), late])
    } catch (error) {
      client.close()
      this.#client = undefined
      const message = (error as Error).message
      return { failure: message.includes('closed the connection') ? CLOSED : message }
    } finally {
      clearTimeout(timer)
    }
  }

  #learn(api: ApiName, body: object, answer: unknown): void {
    if (api === 'CreateTopics') for (const { name, topicId } of (answer as { topics?: { name: string; topicId: Uuid }[] }).topics ?? []) this.#learnTopic(name, topicId)
    if (api === 'InitProducerId') {
      const { transactionalId } = body as { transactionalId: string | null }
      const { producerId, producerEpoch, errorCode } = answer as { producerId: bigint; producerEpoch: number; errorCode: number }
      if (transactionalId !== null && errorCode === 0) this.known.producers.set(transactionalId, { id: producerId, epoch: producerEpoch })
    }
    if (api === 'JoinGroup' || api === 'ConsumerGroupHeartbeat') {
      const { groupId } = body as { groupId: string }
      const { memberId, generationId, memberEpoch } = answer as { memberId?: string | null; generationId?: number; memberEpoch?: number }
      if (typeof memberId === 'string' && memberId !== '') this.known.members.set(groupId, { id: memberId, generation: generationId ?? memberEpoch ?? -1 })
    }
    if (api === 'EndTxn') {
      const { transactionalId } = body as { transactionalId: string }
      const { producerId, producerEpoch, errorCode } = answer as { producerId?: bigint; producerEpoch?: number; errorCode: number }
      if (errorCode === 0 && producerId !== undefined && producerEpoch !== undefined && producerId >= 0n) this.known.producers.set(transactionalId, { id: producerId, epoch: producerEpoch })
    }
    if (api === 'Metadata') for (const { name, topicId } of (answer as { topics?: { name: string | null; topicId: Uuid }[] }).topics ?? []) this.#learnTopic(name, topicId)
  }

  #learnTopic(name: string | null, topicId: Uuid): void {
    if (name !== null && topicId !== undefined && topicId !== ZERO_UUID) this.known.topicIds.set(name, topicId)
  }
}

function errorsOf(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(errorsOf)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([name, inner]) => (name === 'errorCode' && typeof inner === 'number' ? [inner] : errorsOf(inner)))
}

/** Asks everything; resolves with how many answers were the same and how many were not. */
export async function compareBrokers(kafkaPort: number, millracePort: number, conversation: readonly Question[] = CONVERSATION): Promise<{ passed: number; failed: number }> {
  const [kafka, millrace] = [new Peer(kafkaPort), new Peer(millracePort)]
  const [theirs, ours] = [await kafka.ranges(), await millrace.ranges()]
  const plain = [...ours.keys()].filter((name) => theirs.has(name) && name !== 'Fetch').map((name): Question => ({ what: 'with nothing set', api: name as ApiName, request: () => ({}) }))
  let [passed, failed] = [0, 0]
  for (const question of [...conversation, ...plain]) {
    const [range, other] = [ours.get(question.api), theirs.get(question.api)]
    if (range === undefined || other === undefined) continue
    const from = Math.max(range.min, other.min, question.from ?? 0)
    const to = Math.min(range.max, other.max, question.to ?? 99)
    for (let version = from; version <= to; version++) {
      const [right, found] = await Promise.all([kafka.ask(question, version), millrace.ask(question, version)])
      const all = differences(normalize(right), normalize(found))
      const wrong = all.filter((difference) => !isAccepted(question.api, difference))
      if (wrong.length === 0) passed++
      else failed++
      for (const { path, kafka: expected, millrace: got } of wrong) {
        console.log(`FAIL ${question.api} v${version} (${question.what}): ${path === '' ? 'the answer' : path} is ${short(got)}, Kafka's ${short(expected)}`)
      }
    }
  }
  return { passed, failed }
}

function isAccepted(api: string, { path, kafka, millrace }: Difference): boolean {
  // What went wrong is told in this broker's own words; nobody may depend on either's.
  if (/[eE]rrorMessage$/.test(path) && typeof millrace === 'string' && kafka !== undefined) return true
  return ACCEPTED.some((accepted) => accepted.api === api && accepted.path.test(path))
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

if (import.meta.main || process.argv[1]?.endsWith('same-bytes/run.ts')) {
  const [kafkaPort, millracePort] = process.argv.slice(2).map(Number)
  const { passed, failed } = await compareBrokers(kafkaPort ?? 0, millracePort ?? 0)
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
