// Where this broker answers otherwise than Apache Kafka, and may.

export type Accepted = { readonly api: string; readonly path: RegExp; readonly why: string }

export const ACCEPTED: readonly Accepted[] = [
  { api: 'ApiVersions', path: /^(apiKeys|supportedFeatures|finalizedFeatures)/, why: 'what is not built is not advertised' },
  { api: 'CreateTopics', path: /configs\[(flush\.on\.ack|delivery\.delay\.(enable|max\.ms)|record\.ttl\.enable|errors\.deadletterqueue\.[a-z.]+)\]$/, why: 'configs of this broker alone' },
  { api: 'DescribeConfigs', path: /configs\[(flush\.on\.ack|delivery\.delay\.(enable|max\.ms)|record\.ttl\.enable|errors\.deadletterqueue\.[a-z.]+)\]$/, why: 'configs of this broker alone' },
  { api: 'CreateTopics', path: /configs\[min\.insync\.replicas\]/, why: 'Kafka sets it for the cluster with its feature of eligible leader replicas' },
  { api: 'DescribeConfigs', path: /configs\[min\.insync\.replicas\]/, why: 'Kafka sets it for the cluster with its feature of eligible leader replicas' },
  { api: 'ListGroups', path: /groups\[joining\]$/, why: 'Kafka keeps an empty group for a member that it refused' },
  { api: 'Produce', path: /logAppendTimeMs$/, why: 'Kafka tells the time of a batch that is repeated; clients that hear none take their own' },
  { api: 'DescribeAcls', path: /^(failure|throttleTimeMs|resources|errorCode|errorMessage)$/, why: 'Kafka closes the connection where a filter is of no kind' },
  { api: 'DescribeQuorum', path: /(highWatermark|listeners\[[A-Z]+\])/, why: 'the metadata log holds other records; a quorum of one listens nowhere' },
  { api: 'DescribeTransactions', path: /transactionState$/, why: 'an end is prepared for a moment before it is complete' },
  { api: 'AddPartitionsToTxn', path: /^(failure|throttleTimeMs|resultsBy|errorCode)/, why: 'Kafka never answers a request for no transaction' },
]
