// Generated from schemas.json by `npm run generate`; edit that file instead.

import type { Uuid } from '../shared/uuid.ts'

export type ProduceRequest = {
  transactionalId: string | null
  acks: number
  timeoutMs: number
  topicData: {
    name: string
    topicId: Uuid
    partitionData: {
      index: number
      records: Uint8Array | null
    }[]
  }[]
}

export type ProduceResponse = {
  responses: {
    name: string
    topicId: Uuid
    partitionResponses: {
      index: number
      errorCode: number
      baseOffset: bigint
      logAppendTimeMs: bigint
      logStartOffset: bigint
      recordErrors: {
        batchIndex: number
        batchIndexErrorMessage: string | null
      }[]
      errorMessage: string | null
      currentLeader: {
        leaderId: number
        leaderEpoch: number
      }
    }[]
  }[]
  throttleTimeMs: number
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
    rack: string | null
  }[]
}

export type FetchRequest = {
  replicaId: number
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  isolationLevel: number
  sessionId: number
  sessionEpoch: number
  topics: {
    topic: string
    topicId: Uuid
    partitions: {
      partition: number
      currentLeaderEpoch: number
      fetchOffset: bigint
      lastFetchedEpoch: number
      logStartOffset: bigint
      partitionMaxBytes: number
      replicaDirectoryId: Uuid
      highWatermark: bigint
    }[]
  }[]
  forgottenTopicsData: {
    topic: string
    topicId: Uuid
    partitions: number[]
  }[]
  rackId: string
  clusterId: string | null
  replicaState: {
    replicaId: number
    replicaEpoch: bigint
  }
}

export type FetchResponse = {
  throttleTimeMs: number
  errorCode: number
  sessionId: number
  responses: {
    topic: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
      highWatermark: bigint
      lastStableOffset: bigint
      logStartOffset: bigint
      abortedTransactions: {
        producerId: bigint
        firstOffset: bigint
      }[] | null
      preferredReadReplica: number
      records: Uint8Array | null
      divergingEpoch: {
        epoch: number
        endOffset: bigint
      }
      currentLeader: {
        leaderId: number
        leaderEpoch: number
      }
      snapshotId: {
        endOffset: bigint
        epoch: number
      }
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
    rack: string | null
  }[]
}

export type ListOffsetsRequest = {
  replicaId: number
  isolationLevel: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      currentLeaderEpoch: number
      timestamp: bigint
    }[]
  }[]
  timeoutMs: number
}

export type ListOffsetsResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      errorCode: number
      timestamp: bigint
      offset: bigint
      leaderEpoch: number
    }[]
  }[]
}

export type MetadataRequest = {
  topics: {
    topicId: Uuid
    name: string | null
  }[] | null
  allowAutoTopicCreation: boolean
  includeClusterAuthorizedOperations: boolean
  includeTopicAuthorizedOperations: boolean
}

export type MetadataResponse = {
  throttleTimeMs: number
  brokers: {
    nodeId: number
    host: string
    port: number
    rack: string | null
  }[]
  clusterId: string | null
  controllerId: number
  topics: {
    errorCode: number
    name: string | null
    topicId: Uuid
    isInternal: boolean
    partitions: {
      errorCode: number
      partitionIndex: number
      leaderId: number
      leaderEpoch: number
      replicaNodes: number[]
      isrNodes: number[]
      offlineReplicas: number[]
    }[]
    topicAuthorizedOperations: number
  }[]
  clusterAuthorizedOperations: number
  errorCode: number
}

export type OffsetCommitRequest = {
  groupId: string
  generationIdOrMemberEpoch: number
  memberId: string
  retentionTimeMs: bigint
  groupInstanceId: string | null
  topics: {
    name: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      committedOffset: bigint
      committedLeaderEpoch: number
      committedMetadata: string | null
    }[]
  }[]
}

export type OffsetCommitResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
    }[]
  }[]
}

export type OffsetFetchRequest = {
  groupId: string
  topics: {
    name: string
    partitionIndexes: number[]
  }[] | null
  groups: {
    groupId: string
    memberId: string | null
    memberEpoch: number
    topics: {
      name: string
      topicId: Uuid
      partitionIndexes: number[]
    }[] | null
  }[]
  requireStable: boolean
}

export type OffsetFetchResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      committedOffset: bigint
      committedLeaderEpoch: number
      metadata: string | null
      errorCode: number
    }[]
  }[]
  errorCode: number
  groups: {
    groupId: string
    topics: {
      name: string
      topicId: Uuid
      partitions: {
        partitionIndex: number
        committedOffset: bigint
        committedLeaderEpoch: number
        metadata: string | null
        errorCode: number
      }[]
    }[]
    errorCode: number
  }[]
}

export type FindCoordinatorRequest = {
  key: string
  keyType: number
  coordinatorKeys: string[]
}

export type FindCoordinatorResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  nodeId: number
  host: string
  port: number
  coordinators: {
    key: string
    nodeId: number
    host: string
    port: number
    errorCode: number
    errorMessage: string | null
  }[]
}

export type JoinGroupRequest = {
  groupId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string
  protocols: {
    name: string
    metadata: Uint8Array
  }[]
  reason: string | null
}

export type JoinGroupResponse = {
  throttleTimeMs: number
  errorCode: number
  generationId: number
  protocolType: string | null
  protocolName: string | null
  leader: string
  skipAssignment: boolean
  memberId: string
  members: {
    memberId: string
    groupInstanceId: string | null
    metadata: Uint8Array
  }[]
}

export type HeartbeatRequest = {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

export type HeartbeatResponse = {
  throttleTimeMs: number
  errorCode: number
}

export type LeaveGroupRequest = {
  groupId: string
  memberId: string
  members: {
    memberId: string
    groupInstanceId: string | null
    reason: string | null
  }[]
}

export type LeaveGroupResponse = {
  throttleTimeMs: number
  errorCode: number
  members: {
    memberId: string
    groupInstanceId: string | null
    errorCode: number
  }[]
}

export type SyncGroupRequest = {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string | null
  protocolName: string | null
  assignments: {
    memberId: string
    assignment: Uint8Array
  }[]
}

export type SyncGroupResponse = {
  throttleTimeMs: number
  errorCode: number
  protocolType: string | null
  protocolName: string | null
  assignment: Uint8Array
}

export type DescribeGroupsRequest = {
  groups: string[]
  includeAuthorizedOperations: boolean
}

export type DescribeGroupsResponse = {
  throttleTimeMs: number
  groups: {
    errorCode: number
    errorMessage: string | null
    groupId: string
    groupState: string
    protocolType: string
    protocolData: string
    members: {
      memberId: string
      groupInstanceId: string | null
      clientId: string
      clientHost: string
      memberMetadata: Uint8Array
      memberAssignment: Uint8Array
    }[]
    authorizedOperations: number
  }[]
}

export type ListGroupsRequest = {
  statesFilter: string[]
  typesFilter: string[]
}

export type ListGroupsResponse = {
  throttleTimeMs: number
  errorCode: number
  groups: {
    groupId: string
    protocolType: string
    groupState: string
    groupType: string
  }[]
}

export type SaslHandshakeRequest = {
  mechanism: string
}

export type SaslHandshakeResponse = {
  errorCode: number
  mechanisms: string[]
}

export type ApiVersionsRequest = {
  clientSoftwareName: string
  clientSoftwareVersion: string
  clusterId: string | null
  nodeId: number
}

export type ApiVersionsResponse = {
  errorCode: number
  apiKeys: {
    apiKey: number
    minVersion: number
    maxVersion: number
  }[]
  throttleTimeMs: number
  supportedFeatures: {
    name: string
    minVersion: number
    maxVersion: number
  }[]
  finalizedFeaturesEpoch: bigint
  finalizedFeatures: {
    name: string
    maxVersionLevel: number
    minVersionLevel: number
  }[]
  zkMigrationReady: boolean
}

export type CreateTopicsRequest = {
  topics: {
    name: string
    numPartitions: number
    replicationFactor: number
    assignments: {
      partitionIndex: number
      brokerIds: number[]
    }[]
    configs: {
      name: string
      value: string | null
    }[]
  }[]
  timeoutMs: number
  validateOnly: boolean
}

export type CreateTopicsResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    topicId: Uuid
    errorCode: number
    errorMessage: string | null
    numPartitions: number
    replicationFactor: number
    configs: {
      name: string
      value: string | null
      readOnly: boolean
      configSource: number
      isSensitive: boolean
    }[] | null
    topicConfigErrorCode: number
  }[]
}

export type DeleteTopicsRequest = {
  topicNames: string[]
  topics: {
    name: string | null
    topicId: Uuid
  }[]
  timeoutMs: number
}

export type DeleteTopicsResponse = {
  throttleTimeMs: number
  responses: {
    name: string | null
    topicId: Uuid
    errorCode: number
    errorMessage: string | null
  }[]
}

export type DeleteRecordsRequest = {
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      offset: bigint
    }[]
  }[]
  timeoutMs: number
}

export type DeleteRecordsResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      lowWatermark: bigint
      errorCode: number
    }[]
  }[]
}

export type InitProducerIdRequest = {
  transactionalId: string | null
  transactionTimeoutMs: number
  producerId: bigint
  producerEpoch: number
  enable2Pc: boolean
  keepPreparedTxn: boolean
}

export type InitProducerIdResponse = {
  throttleTimeMs: number
  errorCode: number
  producerId: bigint
  producerEpoch: number
  ongoingTxnProducerId: bigint
  ongoingTxnProducerEpoch: number
}

export type OffsetForLeaderEpochRequest = {
  replicaId: number
  topics: {
    topic: string
    partitions: {
      partition: number
      currentLeaderEpoch: number
      leaderEpoch: number
    }[]
  }[]
}

export type OffsetForLeaderEpochResponse = {
  throttleTimeMs: number
  topics: {
    topic: string
    partitions: {
      errorCode: number
      partition: number
      leaderEpoch: number
      endOffset: bigint
    }[]
  }[]
}

export type AddPartitionsToTxnRequest = {
  v3AndBelowTransactionalId: string
  v3AndBelowProducerId: bigint
  v3AndBelowProducerEpoch: number
  v3AndBelowTopics: {
    name: string
    partitions: number[]
  }[]
  transactions: {
    transactionalId: string
    producerId: bigint
    producerEpoch: number
    verifyOnly: boolean
    topics: {
      name: string
      partitions: number[]
    }[]
  }[]
}

export type AddPartitionsToTxnResponse = {
  throttleTimeMs: number
  resultsByTopicV3AndBelow: {
    name: string
    resultsByPartition: {
      partitionIndex: number
      partitionErrorCode: number
    }[]
  }[]
  errorCode: number
  resultsByTransaction: {
    transactionalId: string
    topicResults: {
      name: string
      resultsByPartition: {
        partitionIndex: number
        partitionErrorCode: number
      }[]
    }[]
  }[]
}

export type AddOffsetsToTxnRequest = {
  transactionalId: string
  producerId: bigint
  producerEpoch: number
  groupId: string
}

export type AddOffsetsToTxnResponse = {
  throttleTimeMs: number
  errorCode: number
}

export type EndTxnRequest = {
  transactionalId: string
  producerId: bigint
  producerEpoch: number
  committed: boolean
}

export type EndTxnResponse = {
  throttleTimeMs: number
  errorCode: number
  producerId: bigint
  producerEpoch: number
}

export type WriteTxnMarkersRequest = {
  markers: {
    producerId: bigint
    producerEpoch: number
    transactionResult: boolean
    topics: {
      name: string
      partitionIndexes: number[]
    }[]
    coordinatorEpoch: number
    transactionVersion: number
  }[]
}

export type WriteTxnMarkersResponse = {
  markers: {
    producerId: bigint
    topics: {
      name: string
      partitions: {
        partitionIndex: number
        errorCode: number
      }[]
    }[]
  }[]
}

export type TxnOffsetCommitRequest = {
  transactionalId: string
  groupId: string
  producerId: bigint
  producerEpoch: number
  generationIdOrMemberEpoch: number
  memberId: string
  groupInstanceId: string | null
  topics: {
    name: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      committedOffset: bigint
      committedLeaderEpoch: number
      committedMetadata: string | null
    }[]
  }[]
}

export type TxnOffsetCommitResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
    }[]
  }[]
}

export type DescribeAclsRequest = {
  resourceTypeFilter: number
  resourceNameFilter: string | null
  patternTypeFilter: number
  principalFilter: string | null
  hostFilter: string | null
  operation: number
  permissionType: number
}

export type DescribeAclsResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  resources: {
    resourceType: number
    resourceName: string
    patternType: number
    acls: {
      principal: string
      host: string
      operation: number
      permissionType: number
    }[]
  }[]
}

export type CreateAclsRequest = {
  creations: {
    resourceType: number
    resourceName: string
    resourcePatternType: number
    principal: string
    host: string
    operation: number
    permissionType: number
  }[]
}

export type CreateAclsResponse = {
  throttleTimeMs: number
  results: {
    errorCode: number
    errorMessage: string | null
  }[]
}

export type DeleteAclsRequest = {
  filters: {
    resourceTypeFilter: number
    resourceNameFilter: string | null
    patternTypeFilter: number
    principalFilter: string | null
    hostFilter: string | null
    operation: number
    permissionType: number
  }[]
}

export type DeleteAclsResponse = {
  throttleTimeMs: number
  filterResults: {
    errorCode: number
    errorMessage: string | null
    matchingAcls: {
      errorCode: number
      errorMessage: string | null
      resourceType: number
      resourceName: string
      patternType: number
      principal: string
      host: string
      operation: number
      permissionType: number
    }[]
  }[]
}

export type DescribeConfigsRequest = {
  resources: {
    resourceType: number
    resourceName: string
    configurationKeys: string[] | null
  }[]
  includeSynonyms: boolean
  includeDocumentation: boolean
}

export type DescribeConfigsResponse = {
  throttleTimeMs: number
  results: {
    errorCode: number
    errorMessage: string | null
    resourceType: number
    resourceName: string
    configs: {
      name: string
      value: string | null
      readOnly: boolean
      configSource: number
      isSensitive: boolean
      synonyms: {
        name: string
        value: string | null
        source: number
      }[]
      configType: number
      documentation: string | null
    }[]
  }[]
}

export type AlterConfigsRequest = {
  resources: {
    resourceType: number
    resourceName: string
    configs: {
      name: string
      value: string | null
    }[]
  }[]
  validateOnly: boolean
}

export type AlterConfigsResponse = {
  throttleTimeMs: number
  responses: {
    errorCode: number
    errorMessage: string | null
    resourceType: number
    resourceName: string
  }[]
}

export type AlterReplicaLogDirsRequest = {
  dirs: {
    path: string
    topics: {
      name: string
      partitions: number[]
    }[]
  }[]
}

export type AlterReplicaLogDirsResponse = {
  throttleTimeMs: number
  results: {
    topicName: string
    partitions: {
      partitionIndex: number
      errorCode: number
    }[]
  }[]
}

export type DescribeLogDirsRequest = {
  topics: {
    topic: string
    partitions: number[]
  }[] | null
}

export type DescribeLogDirsResponse = {
  throttleTimeMs: number
  errorCode: number
  results: {
    errorCode: number
    logDir: string
    topics: {
      name: string
      partitions: {
        partitionIndex: number
        partitionSize: bigint
        offsetLag: bigint
        isFutureKey: boolean
      }[]
    }[]
    totalBytes: bigint
    usableBytes: bigint
    isCordoned: boolean
  }[]
}

export type SaslAuthenticateRequest = {
  authBytes: Uint8Array
}

export type SaslAuthenticateResponse = {
  errorCode: number
  errorMessage: string | null
  authBytes: Uint8Array
  sessionLifetimeMs: bigint
}

export type CreatePartitionsRequest = {
  topics: {
    name: string
    count: number
    assignments: {
      brokerIds: number[]
    }[] | null
  }[]
  timeoutMs: number
  validateOnly: boolean
}

export type CreatePartitionsResponse = {
  throttleTimeMs: number
  results: {
    name: string
    errorCode: number
    errorMessage: string | null
  }[]
}

export type CreateDelegationTokenRequest = {
  ownerPrincipalType: string | null
  ownerPrincipalName: string | null
  renewers: {
    principalType: string
    principalName: string
  }[]
  maxLifetimeMs: bigint
}

export type CreateDelegationTokenResponse = {
  errorCode: number
  principalType: string
  principalName: string
  tokenRequesterPrincipalType: string
  tokenRequesterPrincipalName: string
  issueTimestampMs: bigint
  expiryTimestampMs: bigint
  maxTimestampMs: bigint
  tokenId: string
  hmac: Uint8Array
  throttleTimeMs: number
}

export type RenewDelegationTokenRequest = {
  hmac: Uint8Array
  renewPeriodMs: bigint
}

export type RenewDelegationTokenResponse = {
  errorCode: number
  expiryTimestampMs: bigint
  throttleTimeMs: number
}

export type ExpireDelegationTokenRequest = {
  hmac: Uint8Array
  expiryTimePeriodMs: bigint
}

export type ExpireDelegationTokenResponse = {
  errorCode: number
  expiryTimestampMs: bigint
  throttleTimeMs: number
}

export type DescribeDelegationTokenRequest = {
  owners: {
    principalType: string
    principalName: string
  }[] | null
}

export type DescribeDelegationTokenResponse = {
  errorCode: number
  tokens: {
    principalType: string
    principalName: string
    tokenRequesterPrincipalType: string
    tokenRequesterPrincipalName: string
    issueTimestamp: bigint
    expiryTimestamp: bigint
    maxTimestamp: bigint
    tokenId: string
    hmac: Uint8Array
    renewers: {
      principalType: string
      principalName: string
    }[]
  }[]
  throttleTimeMs: number
}

export type DeleteGroupsRequest = {
  groupsNames: string[]
}

export type DeleteGroupsResponse = {
  throttleTimeMs: number
  results: {
    groupId: string
    errorCode: number
    errorMessage: string | null
  }[]
}

export type ElectLeadersRequest = {
  electionType: number
  topicPartitions: {
    topic: string
    partitions: number[]
  }[] | null
  timeoutMs: number
}

export type ElectLeadersResponse = {
  throttleTimeMs: number
  errorCode: number
  replicaElectionResults: {
    topic: string
    partitionResult: {
      partitionId: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type IncrementalAlterConfigsRequest = {
  resources: {
    resourceType: number
    resourceName: string
    configs: {
      name: string
      configOperation: number
      value: string | null
    }[]
  }[]
  validateOnly: boolean
}

export type IncrementalAlterConfigsResponse = {
  throttleTimeMs: number
  responses: {
    errorCode: number
    errorMessage: string | null
    resourceType: number
    resourceName: string
  }[]
}

export type AlterPartitionReassignmentsRequest = {
  timeoutMs: number
  allowReplicationFactorChange: boolean
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      replicas: number[] | null
    }[]
  }[]
}

export type AlterPartitionReassignmentsResponse = {
  throttleTimeMs: number
  allowReplicationFactorChange: boolean
  errorCode: number
  errorMessage: string | null
  responses: {
    name: string
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type ListPartitionReassignmentsRequest = {
  timeoutMs: number
  topics: {
    name: string
    partitionIndexes: number[]
  }[] | null
}

export type ListPartitionReassignmentsResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      replicas: number[]
      addingReplicas: number[]
      removingReplicas: number[]
    }[]
  }[]
}

export type OffsetDeleteRequest = {
  groupId: string
  topics: {
    name: string
    partitions: {
      partitionIndex: number
    }[]
  }[]
}

export type OffsetDeleteResponse = {
  errorCode: number
  throttleTimeMs: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      errorCode: number
    }[]
  }[]
}

export type DescribeClientQuotasRequest = {
  components: {
    entityType: string
    matchType: number
    match: string | null
  }[]
  strict: boolean
}

export type DescribeClientQuotasResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  entries: {
    entity: {
      entityType: string
      entityName: string | null
    }[]
    values: {
      key: string
      value: number
    }[]
  }[] | null
}

export type AlterClientQuotasRequest = {
  entries: {
    entity: {
      entityType: string
      entityName: string | null
    }[]
    ops: {
      key: string
      value: number
      remove: boolean
    }[]
  }[]
  validateOnly: boolean
}

export type AlterClientQuotasResponse = {
  throttleTimeMs: number
  entries: {
    errorCode: number
    errorMessage: string | null
    entity: {
      entityType: string
      entityName: string | null
    }[]
  }[]
}

export type DescribeUserScramCredentialsRequest = {
  users: {
    name: string
  }[] | null
}

export type DescribeUserScramCredentialsResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  results: {
    user: string
    errorCode: number
    errorMessage: string | null
    credentialInfos: {
      mechanism: number
      iterations: number
    }[]
  }[]
}

export type AlterUserScramCredentialsRequest = {
  deletions: {
    name: string
    mechanism: number
  }[]
  upsertions: {
    name: string
    mechanism: number
    iterations: number
    salt: Uint8Array
    saltedPassword: Uint8Array
  }[]
}

export type AlterUserScramCredentialsResponse = {
  throttleTimeMs: number
  results: {
    user: string
    errorCode: number
    errorMessage: string | null
  }[]
}

export type VoteRequest = {
  clusterId: string | null
  voterId: number
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      replicaEpoch: number
      replicaId: number
      replicaDirectoryId: Uuid
      voterDirectoryId: Uuid
      lastOffsetEpoch: number
      lastOffset: bigint
      preVote: boolean
    }[]
  }[]
}

export type VoteResponse = {
  errorCode: number
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      errorCode: number
      leaderId: number
      leaderEpoch: number
      voteGranted: boolean
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
  }[]
}

export type BeginQuorumEpochRequest = {
  clusterId: string | null
  voterId: number
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      voterDirectoryId: Uuid
      leaderId: number
      leaderEpoch: number
    }[]
  }[]
  leaderEndpoints: {
    name: string
    host: string
    port: number
  }[]
}

export type BeginQuorumEpochResponse = {
  errorCode: number
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      errorCode: number
      leaderId: number
      leaderEpoch: number
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
  }[]
}

export type EndQuorumEpochRequest = {
  clusterId: string | null
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      leaderId: number
      leaderEpoch: number
      preferredSuccessors: number[]
      preferredCandidates: {
        candidateId: number
        candidateDirectoryId: Uuid
      }[]
    }[]
  }[]
  leaderEndpoints: {
    name: string
    host: string
    port: number
  }[]
}

export type EndQuorumEpochResponse = {
  errorCode: number
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      errorCode: number
      leaderId: number
      leaderEpoch: number
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
  }[]
}

export type DescribeQuorumRequest = {
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
    }[]
  }[]
}

export type DescribeQuorumResponse = {
  errorCode: number
  errorMessage: string | null
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
      leaderId: number
      leaderEpoch: number
      highWatermark: bigint
      currentVoters: {
        replicaId: number
        replicaDirectoryId: Uuid
        logEndOffset: bigint
        lastFetchTimestamp: bigint
        lastCaughtUpTimestamp: bigint
      }[]
      observers: {
        replicaId: number
        replicaDirectoryId: Uuid
        logEndOffset: bigint
        lastFetchTimestamp: bigint
        lastCaughtUpTimestamp: bigint
      }[]
    }[]
  }[]
  nodes: {
    nodeId: number
    listeners: {
      name: string
      host: string
      port: number
    }[]
  }[]
}

export type AlterPartitionRequest = {
  brokerId: number
  brokerEpoch: bigint
  topics: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      leaderEpoch: number
      newIsr: number[]
      newIsrWithEpochs: {
        brokerId: number
        brokerEpoch: bigint
      }[]
      leaderRecoveryState: number
      partitionEpoch: number
    }[]
  }[]
}

export type AlterPartitionResponse = {
  throttleTimeMs: number
  errorCode: number
  topics: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
      leaderId: number
      leaderEpoch: number
      isr: number[]
      leaderRecoveryState: number
      partitionEpoch: number
    }[]
  }[]
}

export type UpdateFeaturesRequest = {
  timeoutMs: number
  featureUpdates: {
    feature: string
    maxVersionLevel: number
    allowDowngrade: boolean
    upgradeType: number
  }[]
  validateOnly: boolean
}

export type UpdateFeaturesResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  results: {
    feature: string
    errorCode: number
    errorMessage: string | null
  }[]
}

export type EnvelopeRequest = {
  requestData: Uint8Array
  requestPrincipal: Uint8Array | null
  clientHostAddress: Uint8Array
}

export type EnvelopeResponse = {
  responseData: Uint8Array | null
  errorCode: number
}

export type FetchSnapshotRequest = {
  replicaId: number
  maxBytes: number
  topics: {
    name: string
    partitions: {
      partition: number
      currentLeaderEpoch: number
      snapshotId: {
        endOffset: bigint
        epoch: number
      }
      position: bigint
      replicaDirectoryId: Uuid
    }[]
  }[]
  clusterId: string | null
}

export type FetchSnapshotResponse = {
  throttleTimeMs: number
  errorCode: number
  topics: {
    name: string
    partitions: {
      index: number
      errorCode: number
      snapshotId: {
        endOffset: bigint
        epoch: number
      }
      size: bigint
      position: bigint
      unalignedRecords: Uint8Array
      currentLeader: {
        leaderId: number
        leaderEpoch: number
      }
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
  }[]
}

export type DescribeClusterRequest = {
  includeClusterAuthorizedOperations: boolean
  endpointType: number
  includeFencedBrokers: boolean
}

export type DescribeClusterResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  endpointType: number
  clusterId: string
  controllerId: number
  brokers: {
    brokerId: number
    host: string
    port: number
    rack: string | null
    isFenced: boolean
  }[]
  clusterAuthorizedOperations: number
}

export type DescribeProducersRequest = {
  topics: {
    name: string
    partitionIndexes: number[]
  }[]
}

export type DescribeProducersResponse = {
  throttleTimeMs: number
  topics: {
    name: string
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
      activeProducers: {
        producerId: bigint
        producerEpoch: number
        lastSequence: number
        lastTimestamp: bigint
        coordinatorEpoch: number
        currentTxnStartOffset: bigint
      }[]
    }[]
  }[]
}

export type BrokerRegistrationRequest = {
  brokerId: number
  clusterId: string
  incarnationId: Uuid
  listeners: {
    name: string
    host: string
    port: number
    securityProtocol: number
  }[]
  features: {
    name: string
    minSupportedVersion: number
    maxSupportedVersion: number
  }[]
  rack: string | null
  isMigratingZkBroker: boolean
  logDirs: Uuid[]
  previousBrokerEpoch: bigint
}

export type BrokerRegistrationResponse = {
  throttleTimeMs: number
  errorCode: number
  brokerEpoch: bigint
}

export type BrokerHeartbeatRequest = {
  brokerId: number
  brokerEpoch: bigint
  currentMetadataOffset: bigint
  wantFence: boolean
  wantShutDown: boolean
  offlineLogDirs: Uuid[]
  cordonedLogDirs: Uuid[] | null
}

export type BrokerHeartbeatResponse = {
  throttleTimeMs: number
  errorCode: number
  isCaughtUp: boolean
  isFenced: boolean
  shouldShutDown: boolean
}

export type UnregisterBrokerRequest = {
  brokerId: number
}

export type UnregisterBrokerResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type DescribeTransactionsRequest = {
  transactionalIds: string[]
}

export type DescribeTransactionsResponse = {
  throttleTimeMs: number
  transactionStates: {
    errorCode: number
    transactionalId: string
    transactionState: string
    transactionTimeoutMs: number
    transactionStartTimeMs: bigint
    producerId: bigint
    producerEpoch: number
    topics: {
      topic: string
      partitions: number[]
    }[]
  }[]
}

export type ListTransactionsRequest = {
  stateFilters: string[]
  producerIdFilters: bigint[]
  durationFilter: bigint
  transactionalIdPattern: string | null
}

export type ListTransactionsResponse = {
  throttleTimeMs: number
  errorCode: number
  unknownStateFilters: string[]
  transactionStates: {
    transactionalId: string
    producerId: bigint
    transactionState: string
  }[]
}

export type AllocateProducerIdsRequest = {
  brokerId: number
  brokerEpoch: bigint
}

export type AllocateProducerIdsResponse = {
  throttleTimeMs: number
  errorCode: number
  producerIdStart: bigint
  producerIdLen: number
}

export type ConsumerGroupHeartbeatRequest = {
  groupId: string
  memberId: string
  memberEpoch: number
  instanceId: string | null
  rackId: string | null
  rebalanceTimeoutMs: number
  subscribedTopicNames: string[] | null
  subscribedTopicRegex: string | null
  serverAssignor: string | null
  topicPartitions: {
    topicId: Uuid
    partitions: number[]
  }[] | null
}

export type ConsumerGroupHeartbeatResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  memberId: string | null
  memberEpoch: number
  heartbeatIntervalMs: number
  assignment: {
    topicPartitions: {
      topicId: Uuid
      partitions: number[]
    }[]
  } | null
}

export type ConsumerGroupDescribeRequest = {
  groupIds: string[]
  includeAuthorizedOperations: boolean
}

export type ConsumerGroupDescribeResponse = {
  throttleTimeMs: number
  groups: {
    errorCode: number
    errorMessage: string | null
    groupId: string
    groupState: string
    groupEpoch: number
    assignmentEpoch: number
    assignorName: string
    members: {
      memberId: string
      instanceId: string | null
      rackId: string | null
      memberEpoch: number
      clientId: string
      clientHost: string
      subscribedTopicNames: string[]
      subscribedTopicRegex: string | null
      assignment: {
        topicPartitions: {
          topicId: Uuid
          topicName: string
          partitions: number[]
        }[]
      }
      targetAssignment: {
        topicPartitions: {
          topicId: Uuid
          topicName: string
          partitions: number[]
        }[]
      }
      memberType: number
    }[]
    authorizedOperations: number
  }[]
}

export type ControllerRegistrationRequest = {
  controllerId: number
  incarnationId: Uuid
  zkMigrationReady: boolean
  listeners: {
    name: string
    host: string
    port: number
    securityProtocol: number
  }[]
  features: {
    name: string
    minSupportedVersion: number
    maxSupportedVersion: number
  }[]
}

export type ControllerRegistrationResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type GetTelemetrySubscriptionsRequest = {
  clientInstanceId: Uuid
}

export type GetTelemetrySubscriptionsResponse = {
  throttleTimeMs: number
  errorCode: number
  clientInstanceId: Uuid
  subscriptionId: number
  acceptedCompressionTypes: number[]
  pushIntervalMs: number
  telemetryMaxBytes: number
  deltaTemporality: boolean
  requestedMetrics: string[]
}

export type PushTelemetryRequest = {
  clientInstanceId: Uuid
  subscriptionId: number
  terminating: boolean
  compressionType: number
  metrics: Uint8Array
}

export type PushTelemetryResponse = {
  throttleTimeMs: number
  errorCode: number
}

export type AssignReplicasToDirsRequest = {
  brokerId: number
  brokerEpoch: bigint
  directories: {
    id: Uuid
    topics: {
      topicId: Uuid
      partitions: {
        partitionIndex: number
      }[]
    }[]
  }[]
}

export type AssignReplicasToDirsResponse = {
  throttleTimeMs: number
  errorCode: number
  directories: {
    id: Uuid
    topics: {
      topicId: Uuid
      partitions: {
        partitionIndex: number
        errorCode: number
      }[]
    }[]
  }[]
}

export type ListConfigResourcesRequest = {
  resourceTypes: number[]
}

export type ListConfigResourcesResponse = {
  throttleTimeMs: number
  errorCode: number
  configResources: {
    resourceName: string
    resourceType: number
  }[]
}

export type DescribeTopicPartitionsRequest = {
  topics: {
    name: string
  }[]
  responsePartitionLimit: number
  cursor: {
    topicName: string
    partitionIndex: number
  } | null
}

export type DescribeTopicPartitionsResponse = {
  throttleTimeMs: number
  topics: {
    errorCode: number
    name: string | null
    topicId: Uuid
    isInternal: boolean
    partitions: {
      errorCode: number
      partitionIndex: number
      leaderId: number
      leaderEpoch: number
      replicaNodes: number[]
      isrNodes: number[]
      eligibleLeaderReplicas: number[] | null
      lastKnownElr: number[] | null
      offlineReplicas: number[]
    }[]
    topicAuthorizedOperations: number
  }[]
  nextCursor: {
    topicName: string
    partitionIndex: number
  } | null
}

export type ShareGroupHeartbeatRequest = {
  groupId: string
  memberId: string
  memberEpoch: number
  rackId: string | null
  subscribedTopicNames: string[] | null
}

export type ShareGroupHeartbeatResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  memberId: string | null
  memberEpoch: number
  heartbeatIntervalMs: number
  assignment: {
    topicPartitions: {
      topicId: Uuid
      partitions: number[]
    }[]
  } | null
}

export type ShareGroupDescribeRequest = {
  groupIds: string[]
  includeAuthorizedOperations: boolean
}

export type ShareGroupDescribeResponse = {
  throttleTimeMs: number
  groups: {
    errorCode: number
    errorMessage: string | null
    groupId: string
    groupState: string
    groupEpoch: number
    assignmentEpoch: number
    assignorName: string
    members: {
      memberId: string
      rackId: string | null
      memberEpoch: number
      clientId: string
      clientHost: string
      subscribedTopicNames: string[]
      assignment: {
        topicPartitions: {
          topicId: Uuid
          topicName: string
          partitions: number[]
        }[]
      }
    }[]
    authorizedOperations: number
  }[]
}

export type ShareFetchRequest = {
  groupId: string | null
  memberId: string | null
  shareSessionEpoch: number
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  maxRecords: number
  batchSize: number
  shareAcquireMode: number
  isRenewAck: boolean
  topics: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      acknowledgementBatches: {
        firstOffset: bigint
        lastOffset: bigint
        acknowledgeTypes: number[]
      }[]
    }[]
  }[]
  forgottenTopicsData: {
    topicId: Uuid
    partitions: number[]
  }[]
}

export type ShareFetchResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  acquisitionLockTimeoutMs: number
  responses: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
      acknowledgeErrorCode: number
      acknowledgeErrorMessage: string | null
      currentLeader: {
        leaderId: number
        leaderEpoch: number
      }
      records: Uint8Array
      acquiredRecords: {
        firstOffset: bigint
        lastOffset: bigint
        deliveryCount: number
      }[]
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
    rack: string | null
  }[]
}

export type ShareAcknowledgeRequest = {
  groupId: string | null
  memberId: string | null
  shareSessionEpoch: number
  isRenewAck: boolean
  topics: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      acknowledgementBatches: {
        firstOffset: bigint
        lastOffset: bigint
        acknowledgeTypes: number[]
      }[]
    }[]
  }[]
}

export type ShareAcknowledgeResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  acquisitionLockTimeoutMs: number
  responses: {
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
      currentLeader: {
        leaderId: number
        leaderEpoch: number
      }
    }[]
  }[]
  nodeEndpoints: {
    nodeId: number
    host: string
    port: number
    rack: string | null
  }[]
}

export type AddRaftVoterRequest = {
  clusterId: string | null
  timeoutMs: number
  voterId: number
  voterDirectoryId: Uuid
  listeners: {
    name: string
    host: string
    port: number
  }[]
  ackWhenCommitted: boolean
}

export type AddRaftVoterResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type RemoveRaftVoterRequest = {
  clusterId: string | null
  voterId: number
  voterDirectoryId: Uuid
}

export type RemoveRaftVoterResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type UpdateRaftVoterRequest = {
  clusterId: string | null
  currentLeaderEpoch: number
  voterId: number
  voterDirectoryId: Uuid
  listeners: {
    name: string
    host: string
    port: number
  }[]
  kRaftVersionFeature: {
    minSupportedVersion: number
    maxSupportedVersion: number
  }
}

export type UpdateRaftVoterResponse = {
  throttleTimeMs: number
  errorCode: number
  currentLeader: {
    leaderId: number
    leaderEpoch: number
    host: string
    port: number
  }
}

export type InitializeShareGroupStateRequest = {
  groupId: string
  topics: {
    topicId: Uuid
    partitions: {
      partition: number
      stateEpoch: number
      startOffset: bigint
    }[]
  }[]
}

export type InitializeShareGroupStateResponse = {
  results: {
    topicId: Uuid
    partitions: {
      partition: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type ReadShareGroupStateRequest = {
  groupId: string
  topics: {
    topicId: Uuid
    partitions: {
      partition: number
      leaderEpoch: number
    }[]
  }[]
}

export type ReadShareGroupStateResponse = {
  results: {
    topicId: Uuid
    partitions: {
      partition: number
      errorCode: number
      errorMessage: string | null
      stateEpoch: number
      startOffset: bigint
      stateBatches: {
        firstOffset: bigint
        lastOffset: bigint
        deliveryState: number
        deliveryCount: number
      }[]
    }[]
  }[]
}

export type WriteShareGroupStateRequest = {
  groupId: string
  topics: {
    topicId: Uuid
    partitions: {
      partition: number
      stateEpoch: number
      leaderEpoch: number
      startOffset: bigint
      deliveryCompleteCount: number
      stateBatches: {
        firstOffset: bigint
        lastOffset: bigint
        deliveryState: number
        deliveryCount: number
      }[]
    }[]
  }[]
}

export type WriteShareGroupStateResponse = {
  results: {
    topicId: Uuid
    partitions: {
      partition: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type DeleteShareGroupStateRequest = {
  groupId: string
  topics: {
    topicId: Uuid
    partitions: {
      partition: number
    }[]
  }[]
}

export type DeleteShareGroupStateResponse = {
  results: {
    topicId: Uuid
    partitions: {
      partition: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type ReadShareGroupStateSummaryRequest = {
  groupId: string
  topics: {
    topicId: Uuid
    partitions: {
      partition: number
      leaderEpoch: number
    }[]
  }[]
}

export type ReadShareGroupStateSummaryResponse = {
  results: {
    topicId: Uuid
    partitions: {
      partition: number
      errorCode: number
      errorMessage: string | null
      stateEpoch: number
      leaderEpoch: number
      startOffset: bigint
      deliveryCompleteCount: number
    }[]
  }[]
}

export type StreamsGroupHeartbeatRequest = {
  groupId: string
  memberId: string
  memberEpoch: number
  endpointInformationEpoch: number
  instanceId: string | null
  rackId: string | null
  rebalanceTimeoutMs: number
  topology: {
    epoch: number
    subtopologies: {
      subtopologyId: string
      sourceTopics: string[]
      sourceTopicRegex: string[]
      stateChangelogTopics: {
        name: string
        partitions: number
        replicationFactor: number
        topicConfigs: {
          key: string
          value: string
        }[]
      }[]
      repartitionSinkTopics: string[]
      repartitionSourceTopics: {
        name: string
        partitions: number
        replicationFactor: number
        topicConfigs: {
          key: string
          value: string
        }[]
      }[]
      copartitionGroups: {
        sourceTopics: number[]
        sourceTopicRegex: number[]
        repartitionSourceTopics: number[]
      }[]
    }[]
  } | null
  activeTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  standbyTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  warmupTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  processId: string | null
  userEndpoint: {
    host: string
    port: number
  } | null
  clientTags: {
    key: string
    value: string
  }[] | null
  taskOffsets: {
    subtopologyId: string
    partition: number
    offset: bigint
  }[] | null
  taskEndOffsets: {
    subtopologyId: string
    partition: number
    offset: bigint
  }[] | null
  shutdownApplication: boolean
}

export type StreamsGroupHeartbeatResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  memberId: string
  memberEpoch: number
  heartbeatIntervalMs: number
  acceptableRecoveryLagLegacy: number
  taskOffsetIntervalMs: number
  acceptableRecoveryLag: bigint
  status: {
    statusCode: number
    statusDetail: string
  }[] | null
  activeTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  standbyTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  warmupTasks: {
    subtopologyId: string
    partitions: number[]
  }[] | null
  topologyDescriptionRequired: boolean
  endpointInformationEpoch: number
  partitionsByUserEndpoint: {
    userEndpoint: {
      host: string
      port: number
    }
    activePartitions: {
      topic: string
      partitions: number[]
    }[]
    standbyPartitions: {
      topic: string
      partitions: number[]
    }[]
  }[] | null
}

export type StreamsGroupDescribeRequest = {
  groupIds: string[]
  includeAuthorizedOperations: boolean
  includeTopologyDescription: boolean
}

export type StreamsGroupDescribeResponse = {
  throttleTimeMs: number
  groups: {
    errorCode: number
    errorMessage: string | null
    groupId: string
    groupState: string
    groupEpoch: number
    assignmentEpoch: number
    topology: {
      epoch: number
      subtopologies: {
        subtopologyId: string
        sourceTopics: string[]
        repartitionSinkTopics: string[]
        stateChangelogTopics: {
          name: string
          partitions: number
          replicationFactor: number
          topicConfigs: {
            key: string
            value: string
          }[]
        }[]
        repartitionSourceTopics: {
          name: string
          partitions: number
          replicationFactor: number
          topicConfigs: {
            key: string
            value: string
          }[]
        }[]
      }[] | null
    } | null
    members: {
      memberId: string
      memberEpoch: number
      instanceId: string | null
      rackId: string | null
      clientId: string
      clientHost: string
      topologyEpoch: number
      processId: string
      userEndpoint: {
        host: string
        port: number
      } | null
      clientTags: {
        key: string
        value: string
      }[]
      taskOffsets: {
        subtopologyId: string
        partition: number
        offset: bigint
      }[]
      taskEndOffsets: {
        subtopologyId: string
        partition: number
        offset: bigint
      }[]
      assignment: {
        activeTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
        standbyTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
        warmupTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
      }
      targetAssignment: {
        activeTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
        standbyTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
        warmupTasks: {
          subtopologyId: string
          partitions: number[]
        }[]
      }
      isClassic: boolean
    }[]
    authorizedOperations: number
    topologyDescription: {
      subtopologies: {
        subtopologyId: string
        nodes: {
          name: string
          nodeType: number
          sourceTopics: string[]
          sinkTopic: string | null
          stores: string[]
          successors: string[]
        }[]
      }[]
      globalStores: {
        source: {
          name: string
          nodeType: number
          sourceTopics: string[]
          sinkTopic: string | null
          stores: string[]
          successors: string[]
        }
        processor: {
          name: string
          nodeType: number
          sourceTopics: string[]
          sinkTopic: string | null
          stores: string[]
          successors: string[]
        }
      }[]
    } | null
    topologyDescriptionStatus: number
    assignorName: string | null
  }[]
}

export type DescribeShareGroupOffsetsRequest = {
  groups: {
    groupId: string
    topics: {
      topicName: string
      partitions: number[]
    }[] | null
  }[]
}

export type DescribeShareGroupOffsetsResponse = {
  throttleTimeMs: number
  groups: {
    groupId: string
    topics: {
      topicName: string
      topicId: Uuid
      partitions: {
        partitionIndex: number
        startOffset: bigint
        leaderEpoch: number
        lag: bigint
        errorCode: number
        errorMessage: string | null
      }[]
    }[]
    errorCode: number
    errorMessage: string | null
  }[]
}

export type AlterShareGroupOffsetsRequest = {
  groupId: string
  topics: {
    topicName: string
    partitions: {
      partitionIndex: number
      startOffset: bigint
    }[]
  }[]
}

export type AlterShareGroupOffsetsResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  responses: {
    topicName: string
    topicId: Uuid
    partitions: {
      partitionIndex: number
      errorCode: number
      errorMessage: string | null
    }[]
  }[]
}

export type DeleteShareGroupOffsetsRequest = {
  groupId: string
  topics: {
    topicName: string
  }[]
}

export type DeleteShareGroupOffsetsResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  responses: {
    topicName: string
    topicId: Uuid
    errorCode: number
    errorMessage: string | null
  }[]
}

export type StreamsGroupTopologyDescriptionUpdateRequest = {
  groupId: string
  memberId: string
  topologyEpoch: number
  topologyDescription: {
    subtopologies: {
      subtopologyId: string
      nodes: {
        name: string
        nodeType: number
        sourceTopics: string[]
        sinkTopic: string | null
        stores: string[]
        successors: string[]
      }[]
    }[]
    globalStores: {
      source: {
        name: string
        nodeType: number
        sourceTopics: string[]
        sinkTopic: string | null
        stores: string[]
        successors: string[]
      }
      processor: {
        name: string
        nodeType: number
        sourceTopics: string[]
        sinkTopic: string | null
        stores: string[]
        successors: string[]
      }
    }[]
  }
}

export type StreamsGroupTopologyDescriptionUpdateResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type UnregisterControllerRequest = {
  controllerId: number
}

export type UnregisterControllerResponse = {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
}

export type AbortedTxn = {
  producerId: bigint
  firstOffset: bigint
  lastOffset: bigint
  lastStableOffset: bigint
}

export type ConsumerProtocolAssignment = {
  assignedPartitions: {
    topic: string
    partitions: number[]
  }[]
  userData: Uint8Array | null
}

export type ConsumerProtocolSubscription = {
  topics: string[]
  userData: Uint8Array | null
  ownedPartitions: {
    topic: string
    partitions: number[]
  }[]
  generationId: number
  rackId: string | null
}

export type ControlRecordTypeSchema = {
  type: number
}

export type DefaultPrincipalData = {
  type: string
  name: string
  tokenAuthenticated: boolean
}

export type EndTxnMarker = {
  coordinatorEpoch: number
}

export type KRaftVersionRecord = {
  version: number
  kRaftVersion: number
}

export type LeaderChangeMessage = {
  version: number
  leaderId: number
  voters: {
    voterId: number
    voterDirectoryId: Uuid
  }[]
  grantingVoters: {
    voterId: number
    voterDirectoryId: Uuid
  }[]
}

export type SnapshotFooterRecord = {
  version: number
}

export type SnapshotHeaderRecord = {
  version: number
  lastContainedLogTimestamp: bigint
}

export type VotersRecord = {
  version: number
  voters: {
    voterId: number
    voterDirectoryId: Uuid
    endpoints: {
      name: string
      host: string
      port: number
    }[]
    kRaftVersionFeature: {
      minSupportedVersion: number
      maxSupportedVersion: number
    }
  }[]
}

export type RegisterBrokerRecord = {
  brokerId: number
  isMigratingZkBroker: boolean
  incarnationId: Uuid
  brokerEpoch: bigint
  endPoints: {
    name: string
    host: string
    port: number
    securityProtocol: number
  }[]
  features: {
    name: string
    minSupportedVersion: number
    maxSupportedVersion: number
  }[]
  rack: string | null
  fenced: boolean
  inControlledShutdown: boolean
  logDirs: Uuid[]
  cordonedLogDirs: Uuid[] | null
}

export type UnregisterBrokerRecord = {
  brokerId: number
  brokerEpoch: bigint
}

export type TopicRecord = {
  name: string
  topicId: Uuid
}

export type PartitionRecord = {
  partitionId: number
  topicId: Uuid
  replicas: number[]
  isr: number[]
  removingReplicas: number[]
  addingReplicas: number[]
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  directories: Uuid[]
  leaderRecoveryState: number
  eligibleLeaderReplicas: number[] | null
  lastKnownElr: number[] | null
}

export type ConfigRecord = {
  resourceType: number
  resourceName: string
  name: string
  value: string | null
}

export type PartitionChangeRecord = {
  partitionId: number
  topicId: Uuid
  isr: number[] | null
  leader: number
  replicas: number[] | null
  removingReplicas: number[] | null
  addingReplicas: number[] | null
  leaderRecoveryState: number
  eligibleLeaderReplicas: number[] | null
  lastKnownElr: number[] | null
  directories: Uuid[] | null
}

export type FenceBrokerRecord = {
  id: number
  epoch: bigint
}

export type UnfenceBrokerRecord = {
  id: number
  epoch: bigint
}

export type RemoveTopicRecord = {
  topicId: Uuid
}

export type DelegationTokenRecord = {
  owner: string
  requester: string
  renewers: string[]
  issueTimestamp: bigint
  maxTimestamp: bigint
  expirationTimestamp: bigint
  tokenId: string
}

export type UserScramCredentialRecord = {
  name: string
  mechanism: number
  salt: Uint8Array
  storedKey: Uint8Array
  serverKey: Uint8Array
  iterations: number
}

export type FeatureLevelRecord = {
  name: string
  featureLevel: number
}

export type ClientQuotaRecord = {
  entity: {
    entityType: string
    entityName: string | null
  }[]
  key: string
  value: number
  remove: boolean
}

export type ProducerIdsRecord = {
  brokerId: number
  brokerEpoch: bigint
  nextProducerId: bigint
}

export type BrokerRegistrationChangeRecord = {
  brokerId: number
  brokerEpoch: bigint
  fenced: number
  inControlledShutdown: number
  logDirs: Uuid[]
  cordonedLogDirs: Uuid[] | null
}

export type AccessControlEntryRecord = {
  id: Uuid
  resourceType: number
  resourceName: string
  patternType: number
  principal: string
  host: string
  operation: number
  permissionType: number
}

export type RemoveAccessControlEntryRecord = {
  id: Uuid
}

export type NoOpRecord = Record<string, never>

export type ZkMigrationStateRecord = {
  zkMigrationState: number
}

export type RemoveUserScramCredentialRecord = {
  name: string
  mechanism: number
}

export type BeginTransactionRecord = {
  name: string | null
}

export type EndTransactionRecord = Record<string, never>

export type AbortTransactionRecord = {
  reason: string | null
}

export type RemoveDelegationTokenRecord = {
  tokenId: string
}

export type RegisterControllerRecord = {
  controllerId: number
  incarnationId: Uuid
  zkMigrationReady: boolean
  endPoints: {
    name: string
    host: string
    port: number
    securityProtocol: number
  }[]
  features: {
    name: string
    minSupportedVersion: number
    maxSupportedVersion: number
  }[]
}

export type ClearElrRecord = {
  topicName: string
}

export type UnregisterControllerRecord = {
  controllerId: number
}

export type LegacyOffsetCommitKey = {
  group: string
  topic: string
  partition: number
}

export type LegacyOffsetCommitValue = {
  offset: bigint
  metadata: string
  commitTimestamp: bigint
}

export type OffsetCommitKey = {
  group: string
  topic: string
  partition: number
}

export type OffsetCommitValue = {
  offset: bigint
  leaderEpoch: number
  metadata: string
  commitTimestamp: bigint
  expireTimestamp: bigint
  topicId: Uuid
}

export type GroupMetadataKey = {
  group: string
}

export type GroupMetadataValue = {
  protocolType: string
  generation: number
  protocol: string | null
  leader: string | null
  currentStateTimestamp: bigint
  members: {
    memberId: string
    groupInstanceId: string | null
    clientId: string
    clientHost: string
    rebalanceTimeout: number
    sessionTimeout: number
    subscription: Uint8Array
    assignment: Uint8Array
  }[]
}

export type ConsumerGroupMetadataKey = {
  groupId: string
}

export type ConsumerGroupMetadataValue = {
  epoch: number
  metadataHash: bigint
}

export type ConsumerGroupPartitionMetadataKey = {
  groupId: string
}

export type ConsumerGroupPartitionMetadataValue = {
  topics: {
    topicId: Uuid
    topicName: string
    numPartitions: number
    partitionMetadata: {
      partition: number
      racks: string[]
    }[]
  }[]
}

export type ConsumerGroupMemberMetadataKey = {
  groupId: string
  memberId: string
}

export type ConsumerGroupMemberMetadataValue = {
  instanceId: string | null
  rackId: string | null
  clientId: string
  clientHost: string
  subscribedTopicNames: string[]
  subscribedTopicRegex: string | null
  rebalanceTimeoutMs: number
  serverAssignor: string | null
  classicMemberMetadata: {
    sessionTimeoutMs: number
    supportedProtocols: {
      name: string
      metadata: Uint8Array
    }[]
  } | null
}

export type ConsumerGroupTargetAssignmentMetadataKey = {
  groupId: string
}

export type ConsumerGroupTargetAssignmentMetadataValue = {
  assignmentEpoch: number
  assignmentTimestamp: bigint
}

export type ConsumerGroupTargetAssignmentMemberKey = {
  groupId: string
  memberId: string
}

export type ConsumerGroupTargetAssignmentMemberValue = {
  topicPartitions: {
    topicId: Uuid
    partitions: number[]
  }[]
}

export type ConsumerGroupCurrentMemberAssignmentKey = {
  groupId: string
  memberId: string
}

export type ConsumerGroupCurrentMemberAssignmentValue = {
  memberEpoch: number
  previousMemberEpoch: number
  state: number
  assignedPartitions: {
    topicId: Uuid
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  partitionsPendingRevocation: {
    topicId: Uuid
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
}

export type ShareGroupMemberMetadataKey = {
  groupId: string
  memberId: string
}

export type ShareGroupMemberMetadataValue = {
  rackId: string | null
  clientId: string
  clientHost: string
  subscribedTopicNames: string[]
}

export type ShareGroupMetadataKey = {
  groupId: string
}

export type ShareGroupMetadataValue = {
  epoch: number
  metadataHash: bigint
}

export type ShareGroupTargetAssignmentMetadataKey = {
  groupId: string
}

export type ShareGroupTargetAssignmentMetadataValue = {
  assignmentEpoch: number
  assignmentTimestamp: bigint
}

export type ShareGroupTargetAssignmentMemberKey = {
  groupId: string
  memberId: string
}

export type ShareGroupTargetAssignmentMemberValue = {
  topicPartitions: {
    topicId: Uuid
    partitions: number[]
  }[]
}

export type ShareGroupCurrentMemberAssignmentKey = {
  groupId: string
  memberId: string
}

export type ShareGroupCurrentMemberAssignmentValue = {
  memberEpoch: number
  previousMemberEpoch: number
  state: number
  assignedPartitions: {
    topicId: Uuid
    partitions: number[]
  }[]
}

export type ShareGroupStatePartitionMetadataKey = {
  groupId: string
}

export type ShareGroupStatePartitionMetadataValue = {
  initializingTopics: {
    topicId: Uuid
    topicName: string
    partitions: number[]
  }[]
  initializedTopics: {
    topicId: Uuid
    topicName: string
    partitions: number[]
  }[]
  deletingTopics: {
    topicId: Uuid
    topicName: string
  }[]
}

export type ConsumerGroupRegularExpressionKey = {
  groupId: string
  regularExpression: string
}

export type ConsumerGroupRegularExpressionValue = {
  topics: string[]
  version: bigint
  timestamp: bigint
}

export type StreamsGroupMetadataKey = {
  groupId: string
}

export type StreamsGroupMetadataValue = {
  epoch: number
  metadataHash: bigint
  validatedTopologyEpoch: number
  lastAssignmentConfigs: {
    key: string
    value: string
  }[] | null
  storedDescriptionTopologyEpoch: number
  failedDescriptionTopologyEpoch: number
}

export type StreamsGroupMemberMetadataKey = {
  groupId: string
  memberId: string
}

export type StreamsGroupMemberMetadataValue = {
  instanceId: string | null
  rackId: string | null
  clientId: string
  clientHost: string
  rebalanceTimeoutMs: number
  topologyEpoch: number
  processId: string
  userEndpoint: {
    host: string
    port: number
  } | null
  clientTags: {
    key: string
    value: string
  }[]
}

export type StreamsGroupTargetAssignmentMetadataKey = {
  groupId: string
}

export type StreamsGroupTargetAssignmentMetadataValue = {
  assignmentEpoch: number
  assignmentTimestamp: bigint
}

export type StreamsGroupTargetAssignmentMemberKey = {
  groupId: string
  memberId: string
}

export type StreamsGroupTargetAssignmentMemberValue = {
  activeTasks: {
    subtopologyId: string
    partitions: number[]
  }[]
  standbyTasks: {
    subtopologyId: string
    partitions: number[]
  }[]
  warmupTasks: {
    subtopologyId: string
    partitions: number[]
  }[]
}

export type StreamsGroupCurrentMemberAssignmentKey = {
  groupId: string
  memberId: string
}

export type StreamsGroupCurrentMemberAssignmentValue = {
  memberEpoch: number
  previousMemberEpoch: number
  state: number
  activeTasks: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  standbyTasks: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  warmupTasks: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  activeTasksPendingRevocation: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  standbyTasksPendingRevocation: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
  warmupTasksPendingRevocation: {
    subtopologyId: string
    partitions: number[]
    assignmentEpochs: number[] | null
  }[]
}

export type StreamsGroupTopologyKey = {
  groupId: string
}

export type StreamsGroupTopologyValue = {
  epoch: number
  subtopologies: {
    subtopologyId: string
    sourceTopics: string[]
    sourceTopicRegex: string[]
    stateChangelogTopics: {
      name: string
      partitions: number
      replicationFactor: number
      topicConfigs: {
        key: string
        value: string
      }[]
    }[]
    repartitionSinkTopics: string[]
    repartitionSourceTopics: {
      name: string
      partitions: number
      replicationFactor: number
      topicConfigs: {
        key: string
        value: string
      }[]
    }[]
    copartitionGroups: {
      sourceTopics: number[]
      sourceTopicRegex: number[]
      repartitionSourceTopics: number[]
    }[]
  }[]
}

export type TransactionLogKey = {
  transactionalId: string
}

export type TransactionLogValue = {
  producerId: bigint
  producerEpoch: number
  transactionTimeoutMs: number
  transactionStatus: number
  transactionPartitions: {
    topic: string
    partitionIds: number[]
  }[] | null
  transactionLastUpdateTimestampMs: bigint
  transactionStartTimestampMs: bigint
  previousProducerId: bigint
  nextProducerId: bigint
  clientTransactionVersion: number
  nextProducerEpoch: number
}

export type ShareSnapshotKey = {
  groupId: string
  topicId: Uuid
  partition: number
}

export type ShareSnapshotValue = {
  snapshotEpoch: number
  stateEpoch: number
  leaderEpoch: number
  startOffset: bigint
  createTimestamp: bigint
  writeTimestamp: bigint
  stateBatches: {
    firstOffset: bigint
    lastOffset: bigint
    deliveryState: number
    deliveryCount: number
  }[]
  deliveryCompleteCount: number
}

export type ShareUpdateKey = {
  groupId: string
  topicId: Uuid
  partition: number
}

export type ShareUpdateValue = {
  snapshotEpoch: number
  leaderEpoch: number
  startOffset: bigint
  stateBatches: {
    firstOffset: bigint
    lastOffset: bigint
    deliveryState: number
    deliveryCount: number
  }[]
  deliveryCompleteCount: number
}

export type ProducerSnapshot = {
  crc: number
  producerEntries: {
    producerId: bigint
    epoch: number
    lastSequence: number
    lastOffset: bigint
    offsetDelta: number
    timestamp: bigint
    coordinatorEpoch: number
    currentTxnFirstOffset: bigint
  }[]
}

export type RemoteLogSegmentMetadataRecord = {
  remoteLogSegmentId: {
    topicIdPartition: {
      name: string
      id: Uuid
      partition: number
    }
    id: Uuid
  }
  startOffset: bigint
  endOffset: bigint
  brokerId: number
  maxTimestampMs: bigint
  eventTimestampMs: bigint
  segmentLeaderEpochs: {
    leaderEpoch: number
    offset: bigint
  }[]
  segmentSizeInBytes: number
  customMetadata: Uint8Array | null
  remoteLogSegmentState: number
  txnIndexEmpty: boolean
}

export type RemoteLogSegmentMetadataUpdateRecord = {
  remoteLogSegmentId: {
    topicIdPartition: {
      name: string
      id: Uuid
      partition: number
    }
    id: Uuid
  }
  brokerId: number
  eventTimestampMs: bigint
  customMetadata: Uint8Array | null
  remoteLogSegmentState: number
}

export type RemotePartitionDeleteMetadataRecord = {
  topicIdPartition: {
    name: string
    id: Uuid
    partition: number
  }
  brokerId: number
  eventTimestampMs: bigint
  remotePartitionDeleteState: number
}

export type RemoteLogSegmentMetadataSnapshotRecord = {
  segmentId: Uuid
  startOffset: bigint
  endOffset: bigint
  brokerId: number
  maxTimestampMs: bigint
  eventTimestampMs: bigint
  segmentLeaderEpochs: {
    leaderEpoch: number
    offset: bigint
  }[]
  segmentSizeInBytes: number
  customMetadata: Uint8Array | null
  remoteLogSegmentState: number
  txnIndexEmpty: boolean
}

export type QuorumStateData = {
  clusterId: string
  leaderId: number
  leaderEpoch: number
  votedId: number
  appliedOffset: bigint
  currentVoters: {
    voterId: number
  }[] | null
  votedDirectoryId: Uuid
}

/** Every request by the name of its API. */
export type Requests = {
  Produce: ProduceRequest
  Fetch: FetchRequest
  ListOffsets: ListOffsetsRequest
  Metadata: MetadataRequest
  OffsetCommit: OffsetCommitRequest
  OffsetFetch: OffsetFetchRequest
  FindCoordinator: FindCoordinatorRequest
  JoinGroup: JoinGroupRequest
  Heartbeat: HeartbeatRequest
  LeaveGroup: LeaveGroupRequest
  SyncGroup: SyncGroupRequest
  DescribeGroups: DescribeGroupsRequest
  ListGroups: ListGroupsRequest
  SaslHandshake: SaslHandshakeRequest
  ApiVersions: ApiVersionsRequest
  CreateTopics: CreateTopicsRequest
  DeleteTopics: DeleteTopicsRequest
  DeleteRecords: DeleteRecordsRequest
  InitProducerId: InitProducerIdRequest
  OffsetForLeaderEpoch: OffsetForLeaderEpochRequest
  AddPartitionsToTxn: AddPartitionsToTxnRequest
  AddOffsetsToTxn: AddOffsetsToTxnRequest
  EndTxn: EndTxnRequest
  WriteTxnMarkers: WriteTxnMarkersRequest
  TxnOffsetCommit: TxnOffsetCommitRequest
  DescribeAcls: DescribeAclsRequest
  CreateAcls: CreateAclsRequest
  DeleteAcls: DeleteAclsRequest
  DescribeConfigs: DescribeConfigsRequest
  AlterConfigs: AlterConfigsRequest
  AlterReplicaLogDirs: AlterReplicaLogDirsRequest
  DescribeLogDirs: DescribeLogDirsRequest
  SaslAuthenticate: SaslAuthenticateRequest
  CreatePartitions: CreatePartitionsRequest
  CreateDelegationToken: CreateDelegationTokenRequest
  RenewDelegationToken: RenewDelegationTokenRequest
  ExpireDelegationToken: ExpireDelegationTokenRequest
  DescribeDelegationToken: DescribeDelegationTokenRequest
  DeleteGroups: DeleteGroupsRequest
  ElectLeaders: ElectLeadersRequest
  IncrementalAlterConfigs: IncrementalAlterConfigsRequest
  AlterPartitionReassignments: AlterPartitionReassignmentsRequest
  ListPartitionReassignments: ListPartitionReassignmentsRequest
  OffsetDelete: OffsetDeleteRequest
  DescribeClientQuotas: DescribeClientQuotasRequest
  AlterClientQuotas: AlterClientQuotasRequest
  DescribeUserScramCredentials: DescribeUserScramCredentialsRequest
  AlterUserScramCredentials: AlterUserScramCredentialsRequest
  Vote: VoteRequest
  BeginQuorumEpoch: BeginQuorumEpochRequest
  EndQuorumEpoch: EndQuorumEpochRequest
  DescribeQuorum: DescribeQuorumRequest
  AlterPartition: AlterPartitionRequest
  UpdateFeatures: UpdateFeaturesRequest
  Envelope: EnvelopeRequest
  FetchSnapshot: FetchSnapshotRequest
  DescribeCluster: DescribeClusterRequest
  DescribeProducers: DescribeProducersRequest
  BrokerRegistration: BrokerRegistrationRequest
  BrokerHeartbeat: BrokerHeartbeatRequest
  UnregisterBroker: UnregisterBrokerRequest
  DescribeTransactions: DescribeTransactionsRequest
  ListTransactions: ListTransactionsRequest
  AllocateProducerIds: AllocateProducerIdsRequest
  ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest
  ConsumerGroupDescribe: ConsumerGroupDescribeRequest
  ControllerRegistration: ControllerRegistrationRequest
  GetTelemetrySubscriptions: GetTelemetrySubscriptionsRequest
  PushTelemetry: PushTelemetryRequest
  AssignReplicasToDirs: AssignReplicasToDirsRequest
  ListConfigResources: ListConfigResourcesRequest
  DescribeTopicPartitions: DescribeTopicPartitionsRequest
  ShareGroupHeartbeat: ShareGroupHeartbeatRequest
  ShareGroupDescribe: ShareGroupDescribeRequest
  ShareFetch: ShareFetchRequest
  ShareAcknowledge: ShareAcknowledgeRequest
  AddRaftVoter: AddRaftVoterRequest
  RemoveRaftVoter: RemoveRaftVoterRequest
  UpdateRaftVoter: UpdateRaftVoterRequest
  InitializeShareGroupState: InitializeShareGroupStateRequest
  ReadShareGroupState: ReadShareGroupStateRequest
  WriteShareGroupState: WriteShareGroupStateRequest
  DeleteShareGroupState: DeleteShareGroupStateRequest
  ReadShareGroupStateSummary: ReadShareGroupStateSummaryRequest
  StreamsGroupHeartbeat: StreamsGroupHeartbeatRequest
  StreamsGroupDescribe: StreamsGroupDescribeRequest
  DescribeShareGroupOffsets: DescribeShareGroupOffsetsRequest
  AlterShareGroupOffsets: AlterShareGroupOffsetsRequest
  DeleteShareGroupOffsets: DeleteShareGroupOffsetsRequest
  StreamsGroupTopologyDescriptionUpdate: StreamsGroupTopologyDescriptionUpdateRequest
  UnregisterController: UnregisterControllerRequest
}

/** Every response by the name of its API. */
export type Responses = {
  Produce: ProduceResponse
  Fetch: FetchResponse
  ListOffsets: ListOffsetsResponse
  Metadata: MetadataResponse
  OffsetCommit: OffsetCommitResponse
  OffsetFetch: OffsetFetchResponse
  FindCoordinator: FindCoordinatorResponse
  JoinGroup: JoinGroupResponse
  Heartbeat: HeartbeatResponse
  LeaveGroup: LeaveGroupResponse
  SyncGroup: SyncGroupResponse
  DescribeGroups: DescribeGroupsResponse
  ListGroups: ListGroupsResponse
  SaslHandshake: SaslHandshakeResponse
  ApiVersions: ApiVersionsResponse
  CreateTopics: CreateTopicsResponse
  DeleteTopics: DeleteTopicsResponse
  DeleteRecords: DeleteRecordsResponse
  InitProducerId: InitProducerIdResponse
  OffsetForLeaderEpoch: OffsetForLeaderEpochResponse
  AddPartitionsToTxn: AddPartitionsToTxnResponse
  AddOffsetsToTxn: AddOffsetsToTxnResponse
  EndTxn: EndTxnResponse
  WriteTxnMarkers: WriteTxnMarkersResponse
  TxnOffsetCommit: TxnOffsetCommitResponse
  DescribeAcls: DescribeAclsResponse
  CreateAcls: CreateAclsResponse
  DeleteAcls: DeleteAclsResponse
  DescribeConfigs: DescribeConfigsResponse
  AlterConfigs: AlterConfigsResponse
  AlterReplicaLogDirs: AlterReplicaLogDirsResponse
  DescribeLogDirs: DescribeLogDirsResponse
  SaslAuthenticate: SaslAuthenticateResponse
  CreatePartitions: CreatePartitionsResponse
  CreateDelegationToken: CreateDelegationTokenResponse
  RenewDelegationToken: RenewDelegationTokenResponse
  ExpireDelegationToken: ExpireDelegationTokenResponse
  DescribeDelegationToken: DescribeDelegationTokenResponse
  DeleteGroups: DeleteGroupsResponse
  ElectLeaders: ElectLeadersResponse
  IncrementalAlterConfigs: IncrementalAlterConfigsResponse
  AlterPartitionReassignments: AlterPartitionReassignmentsResponse
  ListPartitionReassignments: ListPartitionReassignmentsResponse
  OffsetDelete: OffsetDeleteResponse
  DescribeClientQuotas: DescribeClientQuotasResponse
  AlterClientQuotas: AlterClientQuotasResponse
  DescribeUserScramCredentials: DescribeUserScramCredentialsResponse
  AlterUserScramCredentials: AlterUserScramCredentialsResponse
  Vote: VoteResponse
  BeginQuorumEpoch: BeginQuorumEpochResponse
  EndQuorumEpoch: EndQuorumEpochResponse
  DescribeQuorum: DescribeQuorumResponse
  AlterPartition: AlterPartitionResponse
  UpdateFeatures: UpdateFeaturesResponse
  Envelope: EnvelopeResponse
  FetchSnapshot: FetchSnapshotResponse
  DescribeCluster: DescribeClusterResponse
  DescribeProducers: DescribeProducersResponse
  BrokerRegistration: BrokerRegistrationResponse
  BrokerHeartbeat: BrokerHeartbeatResponse
  UnregisterBroker: UnregisterBrokerResponse
  DescribeTransactions: DescribeTransactionsResponse
  ListTransactions: ListTransactionsResponse
  AllocateProducerIds: AllocateProducerIdsResponse
  ConsumerGroupHeartbeat: ConsumerGroupHeartbeatResponse
  ConsumerGroupDescribe: ConsumerGroupDescribeResponse
  ControllerRegistration: ControllerRegistrationResponse
  GetTelemetrySubscriptions: GetTelemetrySubscriptionsResponse
  PushTelemetry: PushTelemetryResponse
  AssignReplicasToDirs: AssignReplicasToDirsResponse
  ListConfigResources: ListConfigResourcesResponse
  DescribeTopicPartitions: DescribeTopicPartitionsResponse
  ShareGroupHeartbeat: ShareGroupHeartbeatResponse
  ShareGroupDescribe: ShareGroupDescribeResponse
  ShareFetch: ShareFetchResponse
  ShareAcknowledge: ShareAcknowledgeResponse
  AddRaftVoter: AddRaftVoterResponse
  RemoveRaftVoter: RemoveRaftVoterResponse
  UpdateRaftVoter: UpdateRaftVoterResponse
  InitializeShareGroupState: InitializeShareGroupStateResponse
  ReadShareGroupState: ReadShareGroupStateResponse
  WriteShareGroupState: WriteShareGroupStateResponse
  DeleteShareGroupState: DeleteShareGroupStateResponse
  ReadShareGroupStateSummary: ReadShareGroupStateSummaryResponse
  StreamsGroupHeartbeat: StreamsGroupHeartbeatResponse
  StreamsGroupDescribe: StreamsGroupDescribeResponse
  DescribeShareGroupOffsets: DescribeShareGroupOffsetsResponse
  AlterShareGroupOffsets: AlterShareGroupOffsetsResponse
  DeleteShareGroupOffsets: DeleteShareGroupOffsetsResponse
  StreamsGroupTopologyDescriptionUpdate: StreamsGroupTopologyDescriptionUpdateResponse
  UnregisterController: UnregisterControllerResponse
}

/** Every stored or embedded message by its name. */
export type Records = {
  AbortedTxn: AbortedTxn
  ConsumerProtocolAssignment: ConsumerProtocolAssignment
  ConsumerProtocolSubscription: ConsumerProtocolSubscription
  ControlRecordTypeSchema: ControlRecordTypeSchema
  DefaultPrincipalData: DefaultPrincipalData
  EndTxnMarker: EndTxnMarker
  KRaftVersionRecord: KRaftVersionRecord
  LeaderChangeMessage: LeaderChangeMessage
  SnapshotFooterRecord: SnapshotFooterRecord
  SnapshotHeaderRecord: SnapshotHeaderRecord
  VotersRecord: VotersRecord
  RegisterBrokerRecord: RegisterBrokerRecord
  UnregisterBrokerRecord: UnregisterBrokerRecord
  TopicRecord: TopicRecord
  PartitionRecord: PartitionRecord
  ConfigRecord: ConfigRecord
  PartitionChangeRecord: PartitionChangeRecord
  FenceBrokerRecord: FenceBrokerRecord
  UnfenceBrokerRecord: UnfenceBrokerRecord
  RemoveTopicRecord: RemoveTopicRecord
  DelegationTokenRecord: DelegationTokenRecord
  UserScramCredentialRecord: UserScramCredentialRecord
  FeatureLevelRecord: FeatureLevelRecord
  ClientQuotaRecord: ClientQuotaRecord
  ProducerIdsRecord: ProducerIdsRecord
  BrokerRegistrationChangeRecord: BrokerRegistrationChangeRecord
  AccessControlEntryRecord: AccessControlEntryRecord
  RemoveAccessControlEntryRecord: RemoveAccessControlEntryRecord
  NoOpRecord: NoOpRecord
  ZkMigrationStateRecord: ZkMigrationStateRecord
  RemoveUserScramCredentialRecord: RemoveUserScramCredentialRecord
  BeginTransactionRecord: BeginTransactionRecord
  EndTransactionRecord: EndTransactionRecord
  AbortTransactionRecord: AbortTransactionRecord
  RemoveDelegationTokenRecord: RemoveDelegationTokenRecord
  RegisterControllerRecord: RegisterControllerRecord
  ClearElrRecord: ClearElrRecord
  UnregisterControllerRecord: UnregisterControllerRecord
  LegacyOffsetCommitKey: LegacyOffsetCommitKey
  LegacyOffsetCommitValue: LegacyOffsetCommitValue
  OffsetCommitKey: OffsetCommitKey
  OffsetCommitValue: OffsetCommitValue
  GroupMetadataKey: GroupMetadataKey
  GroupMetadataValue: GroupMetadataValue
  ConsumerGroupMetadataKey: ConsumerGroupMetadataKey
  ConsumerGroupMetadataValue: ConsumerGroupMetadataValue
  ConsumerGroupPartitionMetadataKey: ConsumerGroupPartitionMetadataKey
  ConsumerGroupPartitionMetadataValue: ConsumerGroupPartitionMetadataValue
  ConsumerGroupMemberMetadataKey: ConsumerGroupMemberMetadataKey
  ConsumerGroupMemberMetadataValue: ConsumerGroupMemberMetadataValue
  ConsumerGroupTargetAssignmentMetadataKey: ConsumerGroupTargetAssignmentMetadataKey
  ConsumerGroupTargetAssignmentMetadataValue: ConsumerGroupTargetAssignmentMetadataValue
  ConsumerGroupTargetAssignmentMemberKey: ConsumerGroupTargetAssignmentMemberKey
  ConsumerGroupTargetAssignmentMemberValue: ConsumerGroupTargetAssignmentMemberValue
  ConsumerGroupCurrentMemberAssignmentKey: ConsumerGroupCurrentMemberAssignmentKey
  ConsumerGroupCurrentMemberAssignmentValue: ConsumerGroupCurrentMemberAssignmentValue
  ShareGroupMemberMetadataKey: ShareGroupMemberMetadataKey
  ShareGroupMemberMetadataValue: ShareGroupMemberMetadataValue
  ShareGroupMetadataKey: ShareGroupMetadataKey
  ShareGroupMetadataValue: ShareGroupMetadataValue
  ShareGroupTargetAssignmentMetadataKey: ShareGroupTargetAssignmentMetadataKey
  ShareGroupTargetAssignmentMetadataValue: ShareGroupTargetAssignmentMetadataValue
  ShareGroupTargetAssignmentMemberKey: ShareGroupTargetAssignmentMemberKey
  ShareGroupTargetAssignmentMemberValue: ShareGroupTargetAssignmentMemberValue
  ShareGroupCurrentMemberAssignmentKey: ShareGroupCurrentMemberAssignmentKey
  ShareGroupCurrentMemberAssignmentValue: ShareGroupCurrentMemberAssignmentValue
  ShareGroupStatePartitionMetadataKey: ShareGroupStatePartitionMetadataKey
  ShareGroupStatePartitionMetadataValue: ShareGroupStatePartitionMetadataValue
  ConsumerGroupRegularExpressionKey: ConsumerGroupRegularExpressionKey
  ConsumerGroupRegularExpressionValue: ConsumerGroupRegularExpressionValue
  StreamsGroupMetadataKey: StreamsGroupMetadataKey
  StreamsGroupMetadataValue: StreamsGroupMetadataValue
  StreamsGroupMemberMetadataKey: StreamsGroupMemberMetadataKey
  StreamsGroupMemberMetadataValue: StreamsGroupMemberMetadataValue
  StreamsGroupTargetAssignmentMetadataKey: StreamsGroupTargetAssignmentMetadataKey
  StreamsGroupTargetAssignmentMetadataValue: StreamsGroupTargetAssignmentMetadataValue
  StreamsGroupTargetAssignmentMemberKey: StreamsGroupTargetAssignmentMemberKey
  StreamsGroupTargetAssignmentMemberValue: StreamsGroupTargetAssignmentMemberValue
  StreamsGroupCurrentMemberAssignmentKey: StreamsGroupCurrentMemberAssignmentKey
  StreamsGroupCurrentMemberAssignmentValue: StreamsGroupCurrentMemberAssignmentValue
  StreamsGroupTopologyKey: StreamsGroupTopologyKey
  StreamsGroupTopologyValue: StreamsGroupTopologyValue
  TransactionLogKey: TransactionLogKey
  TransactionLogValue: TransactionLogValue
  ShareSnapshotKey: ShareSnapshotKey
  ShareSnapshotValue: ShareSnapshotValue
  ShareUpdateKey: ShareUpdateKey
  ShareUpdateValue: ShareUpdateValue
  ProducerSnapshot: ProducerSnapshot
  RemoteLogSegmentMetadataRecord: RemoteLogSegmentMetadataRecord
  RemoteLogSegmentMetadataUpdateRecord: RemoteLogSegmentMetadataUpdateRecord
  RemotePartitionDeleteMetadataRecord: RemotePartitionDeleteMetadataRecord
  RemoteLogSegmentMetadataSnapshotRecord: RemoteLogSegmentMetadataSnapshotRecord
  QuorumStateData: QuorumStateData
}
