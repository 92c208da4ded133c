// AddPartitionsToTxn: from clients up to version 3, one transaction each; from brokers since version 4, which batch the
// transactions of several producers and may ask for verification only (KIP-890).

import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorCode } from '../protocol/error-codes.ts'
import type { TopicPartition } from './topic-partition.ts'
import type { TransactionCoordinator } from './transaction-coordinator.ts'
import type { ProducerIdAndEpoch } from './transitions.ts'

type Request = RequestOf<'AddPartitionsToTxn'>
type Response = Encodable<ResponseOf<'AddPartitionsToTxn'>>
type Transaction = Request['transactions'][number]
type TopicResult = ResponseOf<'AddPartitionsToTxn'>['resultsByTopicV3AndBelow'][number]

export type AddPartitionsDeps = { readonly coordinator: TransactionCoordinator; partitionCount(topic: string): number | undefined }

export async function addPartitionsToTxn(deps: AddPartitionsDeps, request: Request, apiVersion: number): Promise<Response> {
  if (apiVersion < 4) {
    const transaction = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: request.v3AndBelowTopics,
    }
    return { resultsByTopicV3AndBelow: await addToOne(deps, transaction, apiVersion) }
  }
  const results = request.transactions.map(async (transaction) => ({
    transactionalId: transaction.transactionalId,
    topicResults: await addToOne(deps, transaction, apiVersion),
  }))
  return { resultsByTransaction: await Promise.all(results) }
}

async function addToOne(deps: AddPartitionsDeps, transaction: Transaction, apiVersion: number): Promise<TopicResult[]> {
  const partitions = transaction.topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))
  const unknown = (each: TopicPartition): boolean => each.partition < 0 || each.partition >= (deps.partitionCount(each.topic) ?? 0)
  if (partitions.some(unknown)) return byTopic(transaction, partitions.map((each) => (unknown(each) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'OPERATION_NOT_ATTEMPTED')))

  const { transactionalId, producerId, producerEpoch, verifyOnly } = transaction
  const producer: ProducerIdAndEpoch = { producerId, producerEpoch }
  if (verifyOnly) return byTopic(transaction, deps.coordinator.verifyPartitions(transactionalId, producer, partitions))
  const error = await deps.coordinator.addPartitions(transactionalId, { ...producer, partitions, clientTransactionVersion: apiVersion < 4 ? 0 : 2 })
  const known = error === 'PRODUCER_FENCED' && apiVersion < 2 ? 'INVALID_PRODUCER_EPOCH' : error
  return byTopic(transaction, partitions.map(() => known))
}

/** The errors of all partitions, in the order of the request, as results of its topics. */
function byTopic({ topics }: Transaction, errors: readonly (ErrorName | null)[]): TopicResult[] {
  let index = 0
  const result = (partitionIndex: number): TopicResult['resultsByPartition'][number] => {
    const error = errors[index++] ?? null
    return { partitionIndex, partitionErrorCode: error === null ? 0 : errorCode(error) }
  }
  return topics.map(({ name, partitions }) => ({ name, resultsByPartition: partitions.map(result) }))
}
