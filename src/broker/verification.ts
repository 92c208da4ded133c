// Answers the data plane's question whether partitions belong to a transaction (KIP-890), in the words that the version
// of the waiting Produce knows.

import type { DataPlane, TransactionVerification } from '../native.ts'
import { ERRORS } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { PartitionVerifier } from '../transactions/txn-offset-commit-handler.ts'
import { asKafkaError } from './error-responses.ts'

/** From this Produce version on a partition joins its transaction with its first batch. */
const ADDS_PARTITIONS_FROM = 12
/** From this one on a client knows TRANSACTION_ABORTABLE. */
const KNOWS_ABORTABLE_FROM = 11

export async function answerVerification(dataPlane: Pick<DataPlane, 'verified'>, verifier: PartitionVerifier, question: TransactionVerification): Promise<void> {
  const { transactionalId, producerId, producerEpoch, produceVersion } = question
  const codes = question.partitions.map(async ({ topic, partition }) => {
    try {
      const error = await verifier.verifyPartition(transactionalId, producerId, producerEpoch, topic, partition, produceVersion >= ADDS_PARTITIONS_FROM)
      return error === null ? 0 : ERRORS[produceError(error, produceVersion)].code
    } catch (error) {
      return ERRORS[produceError(asKafkaError(error).errorName, produceVersion)].code
    }
  })
  dataPlane.verified(question.requestId, await Promise.all(codes))
}

/** What a producer of this version makes the right thing of: retry, abort, or give up. */
export function produceError(error: ErrorName, produceVersion: number): ErrorName {
  switch (error) {
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH'
    case 'TRANSACTION_ABORTABLE':
      return produceVersion >= KNOWS_ABORTABLE_FROM ? error : 'INVALID_TXN_STATE'
    case 'CONCURRENT_TRANSACTIONS':
      return produceVersion >= ADDS_PARTITIONS_FROM ? error : 'NOT_ENOUGH_REPLICAS'
    case 'COORDINATOR_LOAD_IN_PROGRESS':
    case 'COORDINATOR_NOT_AVAILABLE':
    case 'NOT_COORDINATOR':
    case 'BROKER_NOT_AVAILABLE':
    case 'NETWORK_EXCEPTION':
    case 'REQUEST_TIMED_OUT':
      // Retriable for every producer, and the partition is left as it was.
      return 'NOT_ENOUGH_REPLICAS'
    default:
      return error
  }
}
