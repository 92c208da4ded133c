// Brokers that ask each other without sockets: through the codec, to the handlers of the node asked, with faults on the way.

import type { InterBroker } from '../../src/interbroker/inter-broker.ts'
import { apiByName } from '../../src/protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'

/** As far as handlers look at it. */
type Context = { apiVersion: number; clientId: string; clientAddress: string; listener: string }
type AnyHandler = (context: never, request: never) => unknown
export type NodeHandlers = { readonly [N in ApiName]?: AnyHandler }

export class FakeNetwork {
  readonly nodes = new Map<number, NodeHandlers>()
  /** Every request that was sent, whether it arrived or not. */
  readonly sent: { from: number; to: number; api: ApiName; request: unknown }[] = []
  /** What happens to the next messages, request by request: nothing arrives, or the answer gets lost. */
  readonly faults: ('request lost' | 'answer lost')[] = []
  /** Asked for every message in either direction; held back while it returns a promise. */
  delay: () => Promise<void> | undefined = () => undefined

  readonly #disconnects = new Map<number, Set<() => void>>()

  /** The node is gone: nothing reaches it, and who waits for an answer of it waits in vain. */
  remove(nodeId: number): void {
    this.nodes.delete(nodeId)
    const waiting = this.#disconnects.get(nodeId) ?? []
    this.#disconnects.delete(nodeId)
    for (const disconnect of waiting) disconnect()
  }

  from(nodeId: number): InterBroker {
    return { send: (to, api, request, options) => this.#send(nodeId, to, api, request, options?.version) }
  }

  async #send<N extends ApiName>(from: number, to: number, api: N, request: Encodable<RequestOf<N>>, version = apiByName(api).maxVersion): Promise<ResponseOf<N>> {
    const frame = encodeRequest(api, version, 1, `broker-${from}`, request)
    const decoded = decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset)
    this.sent.push({ from, to, api, request: decoded })
    const fault = this.faults.shift()
    await this.delay()
    const handler = this.nodes.get(to)?.[api] as ((context: Context, request: unknown) => Encodable<ResponseOf<N>> | Promise<Encodable<ResponseOf<N>>>) | undefined
    if (fault === 'request lost' || handler === undefined) throw new KafkaError('NETWORK_EXCEPTION')
    const response = await this.#connected(to, handler({ apiVersion: version, clientId: `node-${from}`, clientAddress: '127.0.0.1', listener: 'PLAINTEXT' }, decoded))
    await this.delay()
    if (fault === 'answer lost') throw new KafkaError('NETWORK_EXCEPTION')
    return decodeResponse(api, version, encodeResponse(api, version, 1, response)).body
  }

  #connected<T>(nodeId: number, answer: T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const disconnect = (): void => reject(new KafkaError('NETWORK_EXCEPTION'))
      const waiting = this.#disconnects.get(nodeId) ?? new Set()
      this.#disconnects.set(nodeId, waiting.add(disconnect))
      Promise.resolve(answer).then(resolve, reject).finally(() => waiting.delete(disconnect))
    })
  }
}
