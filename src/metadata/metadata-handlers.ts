// The APIs of topics, configs and the cluster, as the broker routes them.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { alterConfigs, incrementalAlterConfigs } from './handlers/alter-configs-handler.ts'
import { unregisterBroker } from './handlers/broker-handlers.ts'
import { describeCluster, describeQuorum, listPartitionReassignments } from './handlers/cluster-handlers.ts'
import { describeConfigs, listConfigResources } from './handlers/describe-configs-handler.ts'
import { describeTopicPartitions } from './handlers/describe-topic-partitions-handler.ts'
import type { MetadataHandlersDeps } from './handlers/handler-deps.ts'
import { updateFeatures } from './handlers/feature-handlers.ts'
import { alterReplicaLogDirs, deleteRecords, describeLogDirs, describeProducers } from './handlers/log-handlers.ts'
import { alterPartitionReassignments, electLeaders } from './handlers/leadership-handlers.ts'
import { metadata } from './handlers/metadata-handler.ts'
import type { MetadataRequestContext } from './handlers/request-context.ts'
import { createAcls, deleteAcls, describeAcls, describeClientQuotas, describeUserScramCredentials } from './handlers/security-handlers.ts'
import { createPartitions, createTopics, deleteTopics } from './handlers/topic-handlers.ts'
import { addRaftVoter, removeRaftVoter } from './handlers/voter-handlers.ts'

export type { MetadataHandlersDeps, PartitionLogs, ReplicaDirectories } from './handlers/handler-deps.ts'

/** Lowest and highest version of the APIs that are served here. */
export const METADATA_APIS = {
  Metadata: { minVersion: 0, maxVersion: 13 },
  CreateTopics: { minVersion: 2, maxVersion: 7 },
  DeleteTopics: { minVersion: 1, maxVersion: 6 },
  DeleteRecords: { minVersion: 0, maxVersion: 2 },
  DescribeConfigs: { minVersion: 1, maxVersion: 4 },
  AlterConfigs: { minVersion: 0, maxVersion: 2 },
  AlterReplicaLogDirs: { minVersion: 1, maxVersion: 2 },
  DescribeLogDirs: { minVersion: 1, maxVersion: 5 },
  CreatePartitions: { minVersion: 0, maxVersion: 3 },
  DescribeAcls: { minVersion: 1, maxVersion: 3 },
  CreateAcls: { minVersion: 1, maxVersion: 3 },
  DeleteAcls: { minVersion: 1, maxVersion: 3 },
  ElectLeaders: { minVersion: 0, maxVersion: 2 },
  IncrementalAlterConfigs: { minVersion: 0, maxVersion: 1 },
  AlterPartitionReassignments: { minVersion: 0, maxVersion: 1 },
  DescribeClientQuotas: { minVersion: 0, maxVersion: 1 },
  DescribeUserScramCredentials: { minVersion: 0, maxVersion: 0 },
  UpdateFeatures: { minVersion: 0, maxVersion: 2 },
  ListPartitionReassignments: { minVersion: 0, maxVersion: 0 },
  DescribeQuorum: { minVersion: 0, maxVersion: 2 },
  DescribeCluster: { minVersion: 0, maxVersion: 2 },
  DescribeProducers: { minVersion: 0, maxVersion: 0 },
  UnregisterBroker: { minVersion: 0, maxVersion: 0 },
  ListConfigResources: { minVersion: 0, maxVersion: 1 },
  DescribeTopicPartitions: { minVersion: 0, maxVersion: 0 },
  AddRaftVoter: { minVersion: 0, maxVersion: 1 },
  RemoveRaftVoter: { minVersion: 0, maxVersion: 0 },
} as const satisfies Partial<Record<ApiName, { minVersion: number; maxVersion: number }>>

type Answer<N extends ApiName> = Encodable<ResponseOf<N>> | Promise<Encodable<ResponseOf<N>>>
type MetadataHandlers = { [N in keyof typeof METADATA_APIS]: (context: MetadataRequestContext, request: RequestOf<N>) => Answer<N> }

export function metadataHandlers(deps: MetadataHandlersDeps): MetadataHandlers {
  return {
    Metadata: (context, request) => metadata(deps, context, request),
    CreateTopics: (_context, request) => createTopics(deps, request),
    DeleteTopics: (context, request) => deleteTopics(deps, context, request),
    DeleteRecords: (_context, request) => deleteRecords(deps, request),
    DescribeConfigs: (_context, request) => describeConfigs(deps, request),
    AlterConfigs: (context, request) => alterConfigs(deps, context, request),
    AlterReplicaLogDirs: (_context, request) => alterReplicaLogDirs(deps, request),
    DescribeLogDirs: (_context, request) => describeLogDirs(deps, request),
    CreatePartitions: (_context, request) => createPartitions(deps, request),
    IncrementalAlterConfigs: (context, request) => incrementalAlterConfigs(deps, context, request),
    DescribeAcls: describeAcls,
    CreateAcls: (_context, request) => createAcls(request),
    DeleteAcls: (_context, request) => deleteAcls(request),
    ElectLeaders: (_context, request) => electLeaders(deps, request),
    AlterPartitionReassignments: (_context, request) => alterPartitionReassignments(deps, request),
    DescribeClientQuotas: (_context, request) => describeClientQuotas(request),
    DescribeUserScramCredentials: (_context, request) => describeUserScramCredentials(request),
    UpdateFeatures: (context, request) => updateFeatures(deps, context, request),
    ListPartitionReassignments: (_context, request) => listPartitionReassignments(deps, request),
    DescribeQuorum: (_context, request) => describeQuorum(deps, request),
    DescribeCluster: (context, request) => describeCluster(deps, context, request),
    DescribeProducers: (_context, request) => describeProducers(deps, request),
    UnregisterBroker: (_context, request) => unregisterBroker(deps, request),
    ListConfigResources: (context, request) => listConfigResources(deps, context, request),
    DescribeTopicPartitions: (context, request) => describeTopicPartitions(deps, context, request),
    AddRaftVoter: (_context, request) => addRaftVoter(deps, request),
    RemoveRaftVoter: (_context, request) => removeRaftVoter(deps, request),
  }
}
