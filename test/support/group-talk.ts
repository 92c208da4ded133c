// A scripted talk between clients and a group coordinator, told so that two coordinators can be compared: ids that they
// make up are numbered in order of appearance.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import type { GroupPeer } from './group-peer.ts'
import { TEST_TOPICS } from './group-peer.ts'

export type TalkLine = { step: string; response: unknown }
export type Talk = { readonly name: string; run(talker: Talker): Promise<void> }

/** Fields in which brokers may differ without a client noticing. */
const PASSED_OVER = new Set(['throttleTimeMs', 'errorMessage', 'statusDetail'])
/** Arrays whose order nothing promises. */
const UNORDERED = new Set(['members', 'topicPartitions', 'partitionIndexes', 'groups', 'topics', 'subscribedTopicNames', 'partitionsByUserEndpoint'])
const MADE_UP_ID = /^(?:.+-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[A-Za-z0-9_-]{22}$/

export class Talker {
  readonly groupId: string
  readonly #peer: GroupPeer
  readonly #lines: TalkLine[] = []
  readonly #ids = new Map<string, string>()
  readonly #open = new Set<Promise<unknown>>()

  constructor(peer: GroupPeer, groupId: string) {
    this.#peer = peer
    this.groupId = groupId
    for (const name of Object.keys(TEST_TOPICS)) this.#ids.set(peer.topicId(name), `<id of ${name}>`)
  }

  /** Sends a request; the line stands where it was sent, and is filled in when the answer comes. */
  async send<N extends ApiName>(step: string, api: N, version: number, body: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const line: TalkLine = { step: `${step} (${api} ${version})`, response: 'no answer' }
    this.#lines.push(line)
    const call = this.#peer.call(api, version, body)
    this.#open.add(call)
    const response = await call
    this.#open.delete(call)
    line.response = this.#told(response)
    return response
  }

  pass(durationMs: number): Promise<void> { return this.#peer.pass(durationMs) }
  topicId(name: string): Uuid { return this.#peer.topicId(name) }

  /** What was answered so far; waits for nothing. */
  lines(): TalkLine[] { return this.#lines }

  #told(value: unknown): unknown {
    if (value instanceof Uint8Array) return `hex ${Buffer.from(value).toString('hex')}`
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'string') return this.#named(value)
    if (Array.isArray(value)) return value.map((each) => this.#told(each))
    if (value !== null && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).filter(([key]) => !PASSED_OVER.has(key)).map(([key, each]) => [key, UNORDERED.has(key) ? sorted(this.#told(each)) : this.#told(each)]))
    }
    return value
  }

  #named(text: string): string {
    if (text.startsWith(this.groupId)) return text.replace(this.groupId, '<group>')
    if (!MADE_UP_ID.test(text) || /^A{22}$/.test(text)) return text
    let name = this.#ids.get(text)
    if (name === undefined) this.#ids.set(text, (name = `<id ${this.#ids.size - Object.keys(TEST_TOPICS).length + 1}>`))
    return name
  }
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.map((each) => JSON.stringify(each)).sort().map((each) => JSON.parse(each) as unknown) : value
}

export async function tell(peer: GroupPeer, talk: Talk): Promise<TalkLine[]> {
  const talker = new Talker(peer, `${talk.name}-${Date.now().toString(36)}`)
  await talk.run(talker)
  return talker.lines()
}
