// Requests from inside the process: the same handlers, without a network. ListOffsets, which clients ask the data plane,
// is answered here from what the data plane tells.

import type { DataPlane } from '../native.ts'
import { apiByName } from '../protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../protocol/codec.ts'
import { ERRORS, KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { ApiCaller, ApiHandler, ApiHandlers, RequestContext } from './api.ts'
import { asKafkaError, errorResponse } from './error-responses.ts'
import type { ServedApis } from './served-apis.ts'

export type LocalCallerDeps = {
  readonly handlers: ApiHandlers
  readonly served: ServedApis
  readonly dataPlane: Pick<DataPlane, 'partitionOffsets' | 'offsetForTimestamp'>
  /** The listener whose addresses are told. */
  readonly listener: string
  readonly clock: Clock
  /** Whether this broker leads the partition: what it has of others is a copy, and says nothing about where they end. */
  leads(topic: string, partition: number): boolean
}

export class LocalCaller implements ApiCaller {
  readonly #deps: LocalCallerDeps
  readonly #listOffsets: ApiHandler<'ListOffsets'>

  constructor(deps: LocalCallerDeps) {
    this.#deps = deps
    this.#listOffsets = localListOffsets(deps)
  }

  async call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const handler = (api === 'ListOffsets' ? this.#listOffsets : this.#deps.handlers[api]) as ApiHandler<N> | undefined
    if (handler === undefined) throw new KafkaError('UNSUPPORTED_VERSION', `${api} is not served here.`)
    const apiVersion = this.#deps.served.get(api)?.maxVersion ?? apiByName(api).maxVersion
    const context: RequestContext = {
      apiKey: apiByName(api).key,
      apiVersion,
      correlationId: 0,
      clientId: 'millrace',
      clientAddress: '127.0.0.1',
      listener: this.#deps.listener,
      principal: 'User:ANONYMOUS',
      isForwarded: false,
      now: this.#deps.clock.nowMs(),
    }
    // Through the codec both ways: defaults are filled in, and nothing is shared that one side may change.
    const frame = encodeRequest(api, apiVersion, 0, null, request)
    const decoded = decodeRequest(api, apiVersion, frame, decodeRequestHeader(frame).bodyOffset)
    let response: Encodable<ResponseOf<N>>
    try {
      response = await handler(context, decoded)
    } catch (error) {
      response = errorResponse(api, apiVersion, decoded, asKafkaError(error))
    }
    return decodeResponse(api, apiVersion, encodeResponse(api, apiVersion, 0, response)).body
  }
}

const LATEST = -1n
const EARLIEST = -2n
const MAX_TIMESTAMP = -3n
const READ_COMMITTED = 1

function localListOffsets({ dataPlane, leads }: LocalCallerDeps): ApiHandler<'ListOffsets'> {
  return async (_context, request) => {
    const offsetOf = async (topic: string, partition: number, timestamp: bigint) => {
      const offsets = dataPlane.partitionOffsets([{ topic, partition }])[0]
      if (!offsets) return { partitionIndex: partition, errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code, timestamp: -1n, offset: -1n }
      if (!leads(topic, partition)) return { partitionIndex: partition, errorCode: ERRORS.NOT_LEADER_OR_FOLLOWER.code, timestamp: -1n, offset: -1n }
      const { leaderEpoch } = offsets
      const latest = request.isolationLevel === READ_COMMITTED ? offsets.lastStableOffset : offsets.highWatermark
      if (timestamp === LATEST) return { partitionIndex: partition, errorCode: 0, timestamp: -1n, offset: latest, leaderEpoch }
      if (timestamp === EARLIEST) return { partitionIndex: partition, errorCode: 0, timestamp: -1n, offset: offsets.logStartOffset, leaderEpoch }
      if (timestamp <= MAX_TIMESTAMP) return { partitionIndex: partition, errorCode: ERRORS.UNSUPPORTED_VERSION.code, timestamp: -1n, offset: -1n }
      const found = await dataPlane.offsetForTimestamp(topic, partition, Number(timestamp))
      if (found === null || found.offset >= latest) return { partitionIndex: partition, errorCode: 0, timestamp: -1n, offset: -1n, leaderEpoch: -1 }
      return { partitionIndex: partition, errorCode: 0, timestamp: BigInt(found.timestampMs), offset: found.offset, leaderEpoch }
    }
    const topics = request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(({ partitionIndex, timestamp }) => offsetOf(name, partitionIndex, timestamp))),
    }))
    return { topics: await Promise.all(topics) }
  }
}
