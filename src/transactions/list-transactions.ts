// ListTransactions: which of the coordinator's transactions pass all the filters of a request (KIP-664, KIP-994, KIP-1152).

import type { RE2JS } from 're2js'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorCode } from '../protocol/error-codes.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import { TRANSACTION_STATES } from './transaction-metadata.ts'

type Request = RequestOf<'ListTransactions'>

/** Filters that are empty, negative or null let everything pass. `transactions` may be the reason why there is no list. */
export async function listTransactions(
  transactions: readonly TransactionMetadata[] | ErrorName,
  request: Request,
  now: number,
): Promise<Encodable<ResponseOf<'ListTransactions'>>> {
  if (typeof transactions === 'string') return { errorCode: errorCode(transactions) }
  const pattern = await compile(request.transactionalIdPattern)
  if (pattern === 'invalid') return { errorCode: errorCode('INVALID_REGULAR_EXPRESSION') }
  const producerIds = new Set(request.producerIdFilters)
  const states = new Set<string>(request.stateFilters)
  const known: ReadonlySet<string> = new Set(TRANSACTION_STATES)
  const passes = (each: TransactionMetadata): boolean =>
    (producerIds.size === 0 || producerIds.has(each.producerId)) &&
    (states.size === 0 || states.has(each.state)) &&
    (request.durationFilter < 0n || BigInt(now - each.startTimestampMs) > request.durationFilter) &&
    (pattern === null || pattern.matches(each.transactionalId))
  return {
    unknownStateFilters: [...states].filter((name) => !known.has(name)),
    transactionStates: transactions.filter(passes).map(({ transactionalId, producerId, state }) => ({ transactionalId, producerId, transactionState: state })),
  }
}

async function compile(pattern: string | null): Promise<RE2JS | null | 'invalid'> {
  if (pattern === null || pattern === '') return null
  // Seldom used and not small: loaded by the first request that needs it.
  const { RE2JS } = await import('re2js')
  try {
    return RE2JS.compile(pattern)
  } catch {
    return 'invalid'
  }
}
