import type { ApiCaller } from '../../broker/api.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { ActiveProducer, Transaction, TransactionSummary } from '../schemas/transactions.ts'
import { expectNoError, jsonInteger, jsonIntegerOrNull } from './outcome.ts'

export async function listTransactions(caller: ApiCaller): Promise<TransactionSummary[]> {
  const response = await caller.call('ListTransactions', {})
  expectNoError(response.errorCode, null, 'transactions')
  return response.transactionStates
    .map(({ transactionalId, producerId, transactionState }) => ({ transactionalId, producerId: jsonInteger(producerId), state: transactionState }))
    .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
}

export async function describeTransaction(caller: ApiCaller, transactionalId: string): Promise<Transaction> {
  const response = await caller.call('DescribeTransactions', { transactionalIds: [transactionalId] })
  const [state] = response.transactionStates
  expectNoError(state?.errorCode ?? -1, null, `transactional id ${transactionalId}`)
  return {
    transactionalId,
    producerId: jsonInteger(state!.producerId),
    producerEpoch: state!.producerEpoch,
    state: state!.transactionState,
    timeoutMs: state!.transactionTimeoutMs,
    startTimestampMs: jsonIntegerOrNull(state!.transactionStartTimeMs),
    topics: state!.topics.map(({ topic, partitions }) => ({ topic, partitions })),
  }
}

/** Producers with state on a partition, among them those of open transactions (KIP-664). */
export async function describeProducers(caller: ApiCaller, topic: string, partition: number): Promise<ActiveProducer[]> {
  const response = await caller.call('DescribeProducers', { topics: [{ name: topic, partitionIndexes: [partition] }] })
  const result = response.topics[0]?.partitions[0]
  expectNoError(result?.errorCode ?? -1, result?.errorMessage, `partition ${topic}-${partition}`)
  return result!.activeProducers.map(producer => ({
    producerId: jsonInteger(producer.producerId),
    producerEpoch: producer.producerEpoch,
    lastSequence: producer.lastSequence,
    lastTimestampMs: jsonInteger(producer.lastTimestamp),
    coordinatorEpoch: producer.coordinatorEpoch,
    transactionStartOffset: jsonIntegerOrNull(producer.currentTxnStartOffset),
  }))
}

/** Ends a transaction that hangs on one partition, by its first offset there: writes the abort marker (KIP-664). */
export async function abortTransaction(caller: ApiCaller, topic: string, partition: number, startOffset: number): Promise<ActiveProducer> {
  const producers = await describeProducers(caller, topic, partition)
  const producer = producers.find(candidate => candidate.transactionStartOffset === startOffset)
  if (producer === undefined) throw new KafkaError('INVALID_TXN_STATE', `partition ${topic}-${partition}: no open transaction begins at offset ${startOffset}`)
  const response = await caller.call('WriteTxnMarkers', {
    markers: [{
      producerId: BigInt(producer.producerId),
      producerEpoch: producer.producerEpoch,
      transactionResult: false,
      topics: [{ name: topic, partitionIndexes: [partition] }],
      coordinatorEpoch: Math.max(producer.coordinatorEpoch, 0),
    }],
  })
  const result = response.markers[0]?.topics[0]?.partitions[0]
  expectNoError(result?.errorCode ?? -1, null, `partition ${topic}-${partition}`)
  return producer
}
