import type { DescribedConfig } from '../../src/config/describe-configs.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { ClusterConfigs } from '../../src/metadata/cluster-configs.ts'
import { emptyImage } from '../../src/metadata/cluster-image.ts'
import { raiseFeatures } from '../../src/metadata/controller/cluster-records.ts'
import { initialFeatureLevels } from '../../src/metadata/features.ts'
import { METADATA_APIS, metadataHandlers } from '../../src/metadata/metadata-handlers.ts'
import type { ReplicaDirectories } from '../../src/metadata/metadata-handlers.ts'
import { PartitionMetadataLog } from '../../src/metadata/metadata-log.ts'
import { MetadataRuntime } from '../../src/metadata/metadata-runtime.ts'
import { TopicCreator } from '../../src/metadata/topic-creator.ts'
import { allTopicLogStates, metadataLogState, topicLogChanges } from '../../src/metadata/topic-log-states.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import { Logging } from '../../src/shared/logger.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { FakeDataPlane } from './fake-data-plane.ts'
import type { FakeDisk } from './fake-data-plane.ts'
import { ManualClock } from './manual-clock.ts'
import { joiningBroker } from './cluster-images.ts'

export type MetadataApi = keyof typeof METADATA_APIS
export type { DescribedConfig }

type FakeDirectories = {
  placed: { topic: string; partition: number; logDir: string }[]
  copies: Awaited<ReturnType<ReplicaDirectories['future']>>
  cordoned: string[]
  refusal: Error | undefined
}

export const CLUSTER_ID = 'Sm9pbi1UaGUtRmlyc3QtMQ' as Uuid

/** Everything of a broker's metadata over a data plane in memory, and requests to it as they go over the wire. */
export async function openMetadata(options: { settings?: Record<string, string>; disk?: FakeDisk; brokerCount?: number } = {}) {
  const clock = new ManualClock()
  const dataPlane = new FakeDataPlane({ nowMs: () => clock.nowMs(), ...(options.disk && { disk: options.disk }) })
  const config = loadBrokerConfig([{ origin: 'test', values: new Map(Object.entries(options.settings ?? {})) }])
  const configs = new ClusterConfigs(config.nodeId, config.given)
  const lines: string[] = []
  const logging = new Logging({ write: (line) => lines.push(line), nowMs: () => clock.nowMs() })
  const logger = logging.logger('metadata')
  dataPlane.applyTopics([metadataLogState(configs.topicDefaults(emptyImage(CLUSTER_ID)), config.nodeId)], [])
  const runtime = await MetadataRuntime.open(new PartitionMetadataLog(dataPlane, config.nodeId), emptyImage(CLUSTER_ID), clock, logger)
  for (let id = config.nodeId; id < config.nodeId + (options.brokerCount ?? 1); id++) {
    await runtime.write((image) => ({ records: [joiningBroker(image, id, [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 + id, securityProtocol: 0 }])], response: undefined }))
  }
  await runtime.write((image) => raiseFeatures(image, initialFeatureLevels(), configs.fallbacks(image).broker('min.insync.replicas')))
  dataPlane.applyTopics(allTopicLogStates(runtime.image, config.nodeId, configs), [])
  runtime.onChange((image, delta) => {
    const { upserts, removedTopicIds } = topicLogChanges(image, delta, config.nodeId, configs)
    dataPlane.applyTopics(upserts, removedTopicIds)
  })
  let lastTopicId = 0
  const newTopicId = (): Uuid => Buffer.from(`topic${String(++lastTopicId).padStart(11, '0')}`).toString('base64url') as Uuid
  const topicCreator = new TopicCreator({ runtime, configs, config, newTopicId, randomInt: () => 0, logger, elsewhere: () => null })
  const directories: FakeDirectories = { placed: [], copies: [], cordoned: [], refusal: undefined }
  const replicaDirectories: ReplicaDirectories = {
    place: (topic, partition, logDir) => {
      if (directories.refusal !== undefined) throw directories.refusal
      directories.placed.push({ topic, partition, logDir })
    },
    future: async () => directories.copies,
    isCordoned: (logDir) => directories.cordoned.includes(logDir),
  }
  const handlers = metadataHandlers({ runtime, configs, config, topicCreator, logs: dataPlane, directories: replicaDirectories, logging, logger, randomInt: () => 0 })

  /** Encodes the request, has it answered, and decodes the response, all at that version; by default the highest. */
  async function call<N extends MetadataApi>(api: N, request: Encodable<RequestOf<N>>, version: number = METADATA_APIS[api].maxVersion): Promise<ResponseOf<N>> {
    const frame = encodeRequest(api, version, 7, 'test', request)
    const decoded = decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset)
    const handler = handlers[api] as unknown as (context: object, request: RequestOf<N>) => Promise<Encodable<ResponseOf<N>>>
    const response = await handler({ apiVersion: version, listener: 'PLAINTEXT', now: clock.nowMs() }, decoded)
    return decodeResponse(api, version, encodeResponse(api, version, 7, response)).body
  }

  return { clock, dataPlane, directories, config, configs, logging, lines, runtime, topicCreator, call }
}

export function newTopic(name: string, partitionCount = 1, configs: Record<string, string> = {}) {
  return { name, numPartitions: partitionCount, replicationFactor: -1, configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }
}
