// Transactions as records of `__transaction_state`, in Kafka's own format (TransactionLogKey 0, TransactionLogValue 1).

import type { CoordinatorRecord } from '../coordinator/coordinator-shard.ts'
import { decodeRecord, encodeRecord } from '../protocol/codec.ts'
import { MillraceError } from '../shared/errors.ts'
import type { TransactionMetadata, TransactionState } from './transaction-metadata.ts'
import { NO_PRODUCER_EPOCH, TRANSACTION_STATES } from './transaction-metadata.ts'

const KEY_VERSION = 0
const VALUE_VERSION = 1

export function encodeTransaction(metadata: TransactionMetadata): CoordinatorRecord {
  return {
    key: encodeKey(metadata.transactionalId),
    value: encodeRecord('TransactionLogValue', VALUE_VERSION, {
      producerId: metadata.producerId,
      producerEpoch: metadata.producerEpoch,
      transactionTimeoutMs: metadata.timeoutMs,
      transactionStatus: TRANSACTION_STATES.indexOf(metadata.state),
      transactionPartitions:
        metadata.state === 'Empty' ? null : [...metadata.partitions].map(([topic, partitions]) => ({ topic, partitionIds: [...partitions] })),
      transactionLastUpdateTimestampMs: BigInt(metadata.lastUpdateTimestampMs),
      transactionStartTimestampMs: BigInt(metadata.startTimestampMs),
      previousProducerId: metadata.previousProducerId,
      nextProducerId: metadata.nextProducerId,
      clientTransactionVersion: metadata.clientTransactionVersion,
    }),
  }
}

/** Forgets the transactional id. */
export function encodeTombstone(transactionalId: string): CoordinatorRecord {
  return { key: encodeKey(transactionalId), value: null }
}

function encodeKey(transactionalId: string): Uint8Array {
  return encodeRecord('TransactionLogKey', KEY_VERSION, { transactionalId })
}

/** The id, and its metadata or null for a tombstone. Throws on a record that no coordinator writes. */
export function decodeTransaction(record: CoordinatorRecord): { transactionalId: string; metadata: TransactionMetadata | null } {
  const { transactionalId } = decodeRecord('TransactionLogKey', record.key)
  if (record.value === null) return { transactionalId, metadata: null }
  const value = decodeRecord('TransactionLogValue', record.value)
  const metadata: TransactionMetadata = {
    transactionalId,
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.producerEpoch,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    timeoutMs: value.transactionTimeoutMs,
    state: stateOf(value.transactionStatus, transactionalId),
    partitions: new Map((value.transactionPartitions ?? []).map(({ topic, partitionIds }) => [topic, new Set(partitionIds)])),
    startTimestampMs: Number(value.transactionStartTimestampMs),
    lastUpdateTimestampMs: Number(value.transactionLastUpdateTimestampMs),
    clientTransactionVersion: value.clientTransactionVersion >= 2 ? 2 : 0,
  }
  return { transactionalId, metadata }
}

function stateOf(status: number, transactionalId: string): TransactionState {
  const name = TRANSACTION_STATES[status]
  if (name === undefined || name === 'Dead' || name === 'PrepareEpochFence') {
    throw new MillraceError('INVALID_TRANSACTION_RECORD', `transactional id ${transactionalId} is stored with the impossible status ${status}`)
  }
  return name
}
