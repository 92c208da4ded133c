// The cluster as a whole.

import { ask } from './question.ts'
import type { Question } from './question.ts'

export function clusterQuestions(): Question[] {
  const describe = (version: number, endpointType: number): Question =>
    ask('DescribeCluster', version, `endpoints ${endpointType}`, { endpointType, includeClusterAuthorizedOperations: true, includeFencedBrokers: version >= 2 })
  const quorum = (topicName: string, partitionIndex: number): Question => ask('DescribeQuorum', 2, `${topicName} ${partitionIndex}`, { topics: [{ topicName, partitions: [{ partitionIndex }] }] })
  return [describe(0, 1), ...[1, 2].flatMap((version) => [1, 2, 3, 0].map((type) => describe(version, type))), quorum('__cluster_metadata', 1), quorum('other', 0)]
}
