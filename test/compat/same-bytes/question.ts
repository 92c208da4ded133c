// One thing that both brokers are asked. A request may depend on what the same broker answered before.

import type { ApiName, Encodable, RequestOf } from '../../../src/protocol/api-keys.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'

export const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid
export const UNKNOWN_ID = 'k3lQ9Zr5T6uVwX1yZ2a3bQ' as Uuid

/** What one broker has told of itself: topic ids by name, producer ids by transactional id, members by group. */
export type Known = {
  readonly topicIds: Map<string, Uuid>
  readonly producers: Map<string, { id: bigint; epoch: number }>
  readonly members: Map<string, { id: string; generation: number }>
}

export type Question = {
  readonly what: string
  readonly api: ApiName
  readonly request: (version: number, known: Known) => object
  /** Of the versions that both serve. */
  readonly from?: number
  readonly to?: number
}

export function ask<N extends ApiName>(api: N, what: string, request: Encodable<RequestOf<N>> | ((version: number, known: Known) => Encodable<RequestOf<N>>), versions: { from?: number; to?: number } = {}): Question {
  return { what, api, request: typeof request === 'function' ? (request as Question['request']) : () => request, ...versions }
}
