// The same conversation with this controller: what it says, and what becomes of partitions, is what Apache Kafka says.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorResponse, asKafkaError } from '../../../src/broker/error-responses.ts'
import { ClusterConfigs } from '../../../src/metadata/cluster-configs.ts'
import { ActiveController } from '../../../src/metadata/controller/active-controller.ts'
import { topicPolicies } from '../../../src/metadata/controller/topic-policies.ts'
import { CONTROLLER_APIS, controllerHandlers } from '../../../src/metadata/controller-handlers.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../../src/protocol/codec.ts'
import { CLUSTER_ID, openMetadata } from '../../support/metadata-fixture.ts'
import type { MetadataApi } from '../../support/metadata-fixture.ts'
import { converse } from './conversation.ts'
import type { Peer } from './conversation.ts'

/** Where this controller answers otherwise, and why that is right. */
const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['13 registers after an unclean stop: then', 'the only replica has nobody to ask for what it lost; it leads again, in another epoch, without having been told to recover'],
])

async function ownPeer(): Promise<Peer> {
  const { clock, config, configs, runtime, logging, call: ask } = await openMetadata()
  const controller = new ActiveController({
    runtime,
    policies: topicPolicies(configs as ClusterConfigs),
    settings: { sessionTimeoutMs: config.settings['broker.session.timeout.ms'], balancesLeaders: false, balanceIntervalMs: 1, uncleanElectionIntervalMs: config.settings['unclean.leader.election.interval.ms'] },
    monotonicMs: () => clock.monotonicMs(),
    logger: logging.logger('controller'),
  })
  controller.activate(1, clock.monotonicMs())
  const handlers = controllerHandlers({ controller, monotonicMs: () => clock.monotonicMs() }) as unknown as Record<string, (context: object, request: unknown) => Promise<object>>
  const own = runtime.image.brokers.get(config.nodeId)
  const call = async <N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> => {
    const frame = encodeRequest(api, version, 7, 'test', request)
    const decoded = decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset)
    const answer = Object.hasOwn(CONTROLLER_APIS, api)
      ? (handlers[api]?.({ apiVersion: version }, decoded) ?? Promise.reject(new Error(`${api} is not served`)))
      : (ask(api as MetadataApi, request as never, version) as Promise<object>)
    const response = await answer.catch((error: unknown) => errorResponse(api, version, decoded, asKafkaError(error)))
    return decodeResponse(api, version, encodeResponse(api, version, 7, response as Encodable<ResponseOf<N>>)).body
  }
  return {
    clusterId: CLUSTER_ID,
    call,
    describe: (topics) => call('DescribeTopicPartitions', 0, { topics: topics.map((name) => ({ name })), responsePartitionLimit: 2000, cursor: null }),
    pause: async () => {
      clock.advance(1000)
      await call('BrokerHeartbeat', 1, { brokerId: config.nodeId, brokerEpoch: own?.epoch ?? -1n, currentMetadataOffset: runtime.image.offset, wantFence: false, wantShutDown: false })
      await controller.attend()
    },
  }
}

const recorded = JSON.parse(readFileSync(new URL('kafka.json', import.meta.url), 'utf8')) as Record<string, unknown>
const answers = await converse(await ownPeer())

test('every step was recorded', () => {
  expect(Object.keys(answers)).toEqual(Object.keys(recorded))
})

test.each(Object.keys(recorded))('%s', (name) => {
  if (DIFFERENCES.has(name)) expect(answers[name]).not.toEqual(recorded[name])
  else expect(answers[name]).toEqual(recorded[name])
})
