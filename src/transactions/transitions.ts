// Every step a transaction can take, as pure functions: what is known of the transactional id, a request and the time in;
// a refusal or the next metadata out. Nothing here is in force until its record is committed.
//
//   Empty ──add──▶ Ongoing ──end──▶ PrepareCommit ──markers──▶ CompleteCommit ──add──▶ Ongoing …
//                     └──end, time-out, new producer──▶ PrepareAbort ──markers──▶ CompleteAbort ──add──▶ Ongoing …
//   Empty, CompleteCommit, CompleteAbort ──new producer──▶ Empty; with KIP-890 ──abort──▶ PrepareAbort
//
// A decision once in Prepare* is never taken back: the only way out is the Complete* that belongs to it.

import type { ErrorName } from '../protocol/error-codes.ts'
import type { TopicPartition } from './topic-partition.ts'
import type { ClientTransactionVersion, TransactionMetadata } from './transaction-metadata.ts'
import { NO_PARTITIONS, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, PRODUCER_EPOCH_MAX, addPartitions, hasPartition, isCompleting, isEpochExhausted } from './transaction-metadata.ts'

/** Undefined for an id that nobody has used yet, or not for a long time. */
type Current = TransactionMetadata | undefined

export type Decision =
  | { readonly kind: 'reject'; readonly error: ErrorName }
  /** Nothing to change: what was asked for already holds. */
  | { readonly kind: 'accept'; readonly metadata: TransactionMetadata }
  /** To ask again with a producer id that was never given out. */
  | { readonly kind: 'needProducerId' }
  | { readonly kind: 'write'; readonly next: TransactionMetadata }
  /** Forgets the transactional id. */
  | { readonly kind: 'remove' }

export type ProducerIdAndEpoch = { readonly producerId: bigint; readonly producerEpoch: number }
export type InitProducerIdInput = { readonly transactionalId: string; readonly timeoutMs: number; readonly expected: ProducerIdAndEpoch | null }
export type AddPartitionsInput = ProducerIdAndEpoch & { readonly partitions: readonly TopicPartition[]; readonly clientTransactionVersion: ClientTransactionVersion }
export type EndTransactionInput = ProducerIdAndEpoch & { readonly commit: boolean; readonly clientTransactionVersion: ClientTransactionVersion }

const reject = (error: ErrorName): Decision => ({ kind: 'reject', error })

/**
 * A producer starts or continues after an error (KIP-98, KIP-360). With an open transaction the answer is its abort
 * (next state PrepareAbort, the old producer fenced); the producer asks again until that is complete.
 */
export function initProducerId(metadata: Current, input: InitProducerIdInput, now: number, freshProducerId: bigint | null): Decision {
  if (metadata === undefined) return freshProducerId === null ? { kind: 'needProducerId' } : { kind: 'write', next: firstMetadata(input, freshProducerId, now) }
  if (isCompleting(metadata)) return reject('CONCURRENT_TRANSACTIONS')
  const { expected } = input
  if (expected !== null && !mayContinue(metadata, expected)) return reject('PRODUCER_FENCED')
  if (metadata.state === 'Ongoing') return decideWithEpochBump(metadata, 'PrepareAbort', now, freshProducerId)

  const fresh = { state: 'Empty', timeoutMs: input.timeoutMs, partitions: NO_PARTITIONS, startTimestampMs: -1, lastUpdateTimestampMs: now } as const
  if (isEpochExhausted(metadata.producerEpoch) && (expected === null || expected.producerEpoch === metadata.producerEpoch)) {
    if (freshProducerId === null) return { kind: 'needProducerId' }
    const lastProducerEpoch = expected === null ? NO_PRODUCER_EPOCH : metadata.producerEpoch
    return { kind: 'write', next: change(metadata, { ...fresh, producerId: freshProducerId, producerEpoch: 0, lastProducerEpoch }) }
  }
  if (expected === null) return { kind: 'write', next: change(metadata, { ...fresh, producerEpoch: metadata.producerEpoch + 1, lastProducerEpoch: NO_PRODUCER_EPOCH }) }
  if (expected.producerEpoch === metadata.producerEpoch) {
    return { kind: 'write', next: change(metadata, { ...fresh, producerEpoch: metadata.producerEpoch + 1, lastProducerEpoch: metadata.producerEpoch }) }
  }
  // The same request again, its first answer lost: any other producer would have cleared the last epoch.
  if (expected.producerEpoch === metadata.lastProducerEpoch) return { kind: 'write', next: change(metadata, fresh) }
  return reject('PRODUCER_FENCED')
}

/** The same producer id, or the one before it if that had no epochs left, whose successor the producer never heard of. */
function mayContinue(metadata: TransactionMetadata, expected: ProducerIdAndEpoch): boolean {
  return expected.producerId === metadata.producerId || (expected.producerId === metadata.previousProducerId && isEpochExhausted(expected.producerEpoch))
}

/** Partitions join the transaction, which thereby begins if there is none. */
export function addPartitionsToTransaction(metadata: Current, input: AddPartitionsInput, now: number): Decision {
  const error = producerError(metadata, input)
  if (metadata === undefined || error !== null) return reject(error ?? 'INVALID_PRODUCER_ID_MAPPING')
  if (isCompleting(metadata)) return reject('CONCURRENT_TRANSACTIONS')
  const ongoing = metadata.state === 'Ongoing'
  if (ongoing && input.partitions.every((each) => hasPartition(metadata.partitions, each))) return { kind: 'accept', metadata }
  return {
    kind: 'write',
    next: change(metadata, {
      state: 'Ongoing',
      partitions: addPartitions(metadata.partitions, input.partitions),
      startTimestampMs: ongoing ? metadata.startTimestampMs : now,
      lastUpdateTimestampMs: now,
      clientTransactionVersion: input.clientTransactionVersion,
    }),
  }
}

/** Null if the producer may write to the partition within its open transaction, else why not (KIP-890). */
export function verifyPartition(metadata: Current, producer: ProducerIdAndEpoch, partition: TopicPartition): ErrorName | null {
  const error = producerError(metadata, producer)
  if (metadata === undefined || error !== null) return error
  if (isCompleting(metadata)) return 'CONCURRENT_TRANSACTIONS'
  return hasPartition(metadata.partitions, partition) ? null : 'TRANSACTION_ABORTABLE'
}

function producerError(metadata: Current, producer: ProducerIdAndEpoch): ErrorName | null {
  if (metadata === undefined || metadata.producerId !== producer.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  return metadata.producerEpoch === producer.producerEpoch ? null : 'PRODUCER_FENCED'
}

/** What the producer writes its next transaction as, known already while the decided one is being completed. */
export function nextProducer(metadata: TransactionMetadata): ProducerIdAndEpoch {
  const { producerId, producerEpoch, nextProducerId } = metadata
  return nextProducerId === NO_PRODUCER_ID ? { producerId, producerEpoch } : { producerId: nextProducerId, producerEpoch: 0 }
}

function isNextProducer(metadata: TransactionMetadata, { producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
  const next = nextProducer(metadata)
  return producerId === next.producerId && producerEpoch === next.producerEpoch
}

/** The producer decides its transaction. An accepted repetition answers with the metadata as it is by now. */
export function endTransaction(metadata: Current, input: EndTransactionInput, now: number, freshProducerId: bigint | null): Decision {
  return input.clientTransactionVersion === 2 ? endWithEpochBump(metadata, input, now, freshProducerId) : endWithSameEpoch(metadata, input, now)
}

function endWithSameEpoch(metadata: Current, input: EndTransactionInput, now: number): Decision {
  const error = producerError(metadata, input)
  if (metadata === undefined || error !== null) return reject(error ?? 'INVALID_PRODUCER_ID_MAPPING')
  if (isCompleting(metadata)) return reject('CONCURRENT_TRANSACTIONS')
  if (metadata.state === 'Ongoing') {
    const state = input.commit ? 'PrepareCommit' : 'PrepareAbort'
    return { kind: 'write', next: change(metadata, { state, nextProducerId: NO_PRODUCER_ID, lastUpdateTimestampMs: now, clientTransactionVersion: 0 }) }
  }
  return metadata.state === (input.commit ? 'CompleteCommit' : 'CompleteAbort') ? { kind: 'accept', metadata } : reject('INVALID_TXN_STATE')
}

/**
 * Under KIP-890 each transaction has an epoch of its own, which tells a repeated request (the epoch before) from one
 * about the next transaction (this epoch); only the latter may abort where nothing was written.
 */
function endWithEpochBump(metadata: Current, input: EndTransactionInput, now: number, freshProducerId: bigint | null): Decision {
  if (metadata === undefined) return reject('INVALID_PRODUCER_ID_MAPPING')
  // The producer was answered when the decision was written and may be about its next transaction before the last one's
  // markers are. Kafka calls it fenced then, which it is not: nobody else has that epoch.
  if (isCompleting(metadata) && isNextProducer(metadata, input)) return reject('CONCURRENT_TRANSACTIONS')
  const { state } = metadata
  const complete = state === 'CompleteCommit' || state === 'CompleteAbort'
  const current = input.producerEpoch === metadata.producerEpoch
  const bumped = input.producerEpoch + 1 === metadata.producerEpoch
  const rotated = input.producerId === metadata.previousProducerId && input.producerEpoch === PRODUCER_EPOCH_MAX - 1 && metadata.producerEpoch === 0
  if (input.producerId !== metadata.producerId && !rotated) return reject('INVALID_PRODUCER_ID_MAPPING')
  const validEpoch = complete ? current || bumped || rotated : isCompleting(metadata) ? bumped : current
  if (!validEpoch) return reject('PRODUCER_FENCED')
  if (isCompleting(metadata)) return reject('CONCURRENT_TRANSACTIONS')

  if (complete && (bumped || rotated)) return state === (input.commit ? 'CompleteCommit' : 'CompleteAbort') ? { kind: 'accept', metadata } : reject('INVALID_TXN_STATE')
  if (state !== 'Ongoing' && input.commit) return reject('INVALID_TXN_STATE')
  return decideWithEpochBump(metadata, input.commit ? 'PrepareCommit' : 'PrepareAbort', now, freshProducerId)
}

/**
 * The epoch after the transaction's own goes into its markers, so that nothing late of the transaction is accepted behind
 * them; whoever had the epoch before, be it a producer that is gone or too slow, is fenced by the same step.
 */
function decideWithEpochBump(metadata: TransactionMetadata, state: 'PrepareCommit' | 'PrepareAbort', now: number, freshProducerId: bigint | null): Decision {
  const exhausted = isEpochExhausted(metadata.producerEpoch)
  if (exhausted && freshProducerId === null) return { kind: 'needProducerId' }
  return {
    kind: 'write',
    next: change(metadata, {
      state,
      // The very highest epoch was never given out, so there is room for one bump more.
      producerEpoch: Math.min(metadata.producerEpoch + 1, PRODUCER_EPOCH_MAX),
      lastProducerEpoch: metadata.producerEpoch,
      startTimestampMs: metadata.state === 'Ongoing' ? metadata.startTimestampMs : now,
      nextProducerId: exhausted && freshProducerId !== null ? freshProducerId : NO_PRODUCER_ID,
      lastUpdateTimestampMs: now,
      clientTransactionVersion: 2,
    }),
  }
}

/** Aborts a transaction that has been open for longer than its producer allowed. */
export function abortTimedOut(metadata: Current, now: number, freshProducerId: bigint | null): Decision {
  return metadata !== undefined && isTimedOut(metadata, now) ? decideWithEpochBump(metadata, 'PrepareAbort', now, freshProducerId) : reject('INVALID_TXN_STATE')
}

export function isTimedOut(metadata: TransactionMetadata, now: number): boolean {
  return metadata.state === 'Ongoing' && metadata.startTimestampMs + metadata.timeoutMs < now
}

/** All markers of `decided` are written, so it is complete. Epochs that ran out start again at 0 with the next producer id. */
export function completeTransaction(metadata: Current, decided: TransactionMetadata, now: number): Decision {
  if (metadata === undefined || !isSameDecision(metadata, decided)) return reject('INVALID_TXN_STATE')
  const state = metadata.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
  return { kind: 'write', next: change(metadata, { ...nextProducer(metadata), state, nextProducerId: NO_PRODUCER_ID, partitions: NO_PARTITIONS, lastUpdateTimestampMs: now }) }
}

/** Whether the metadata is still that of the decided transaction, before its completion. */
export function isSameDecision(metadata: Current, decided: TransactionMetadata): boolean {
  return metadata?.state === decided.state && metadata.producerId === decided.producerId && metadata.producerEpoch === decided.producerEpoch
}

/** Forgets an id that has no open transaction and that nobody has used for `expirationMs`. */
export function removeExpired(metadata: Current, now: number, expirationMs: number): Decision {
  return metadata !== undefined && isExpired(metadata, now, expirationMs) ? { kind: 'remove' } : reject('INVALID_TXN_STATE')
}

export function isExpired(metadata: TransactionMetadata, now: number, expirationMs: number): boolean {
  return metadata.state !== 'Ongoing' && !isCompleting(metadata) && metadata.lastUpdateTimestampMs <= now - expirationMs
}

function firstMetadata(input: InitProducerIdInput, producerId: bigint, now: number): TransactionMetadata {
  return {
    transactionalId: input.transactionalId,
    producerId,
    previousProducerId: producerId,
    nextProducerId: NO_PRODUCER_ID,
    producerEpoch: 0,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    timeoutMs: input.timeoutMs,
    state: 'Empty',
    partitions: NO_PARTITIONS,
    startTimestampMs: -1,
    lastUpdateTimestampMs: now,
    clientTransactionVersion: 0,
  }
}

function change(metadata: TransactionMetadata, changes: Partial<TransactionMetadata>): TransactionMetadata {
  return { ...metadata, previousProducerId: metadata.producerId, ...changes }
}
