// What most parts of a broker stand on, made once for each process.

import type { BrokerConfig } from '../config/broker-config.ts'
import type { InterBroker } from '../interbroker/inter-broker.ts'
import type { ClusterConfigs } from '../metadata/cluster-configs.ts'
import type { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { TopicCreator } from '../metadata/topic-creator.ts'
import type { DataPlane } from '../native.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logging } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ControllerClient } from './controller-client.ts'

export type BrokerContext = {
  readonly config: BrokerConfig
  readonly logging: Logging
  readonly clock: Clock
  readonly timers: Timers
  readonly dataPlane: DataPlane
  readonly metadata: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly view: ClusterView
  readonly interBroker: InterBroker
  readonly controllerClient: ControllerClient
  readonly topicCreator: TopicCreator
}
