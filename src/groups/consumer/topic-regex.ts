// Subscriptions by regular expression, in RE2's syntax: matched against whole names, in linear time, so that no client
// can stall the broker with one. The library is loaded with the first expression.

import { KafkaError } from '../../protocol/error-codes.ts'
import { errorMessage } from '../../shared/errors.ts'
import type { TopicLookup } from '../topic-lookup.ts'

export type ResolvedRegex = {
  readonly topics: ReadonlySet<string>
  /** Version of the cluster's topics that it was matched against. */
  readonly version: bigint
  readonly timestampMs: number
}

interface Pattern { testExact(input: string): boolean }

/** Expressions are few and are matched again with every change of topics. */
const CACHE_SIZE_MAX = 256

export class TopicRegexes {
  readonly #patterns = new Map<string, Pattern>()
  #compile: ((expression: string) => Pattern) | null = null

  /** Makes `compile` and `resolve` possible. */
  async load(): Promise<void> {
    if (this.#compile !== null) return
    const { RE2JS } = await import('re2js')
    this.#compile = (expression) => RE2JS.compile(expression)
  }

  get isLoaded(): boolean { return this.#compile !== null }

  /** Throws INVALID_REGULAR_EXPRESSION. */
  compile(expression: string): Pattern {
    const known = this.#patterns.get(expression)
    if (known !== undefined) return known
    if (this.#compile === null) throw new Error('regular expressions are not loaded')
    let pattern: Pattern
    try {
      pattern = this.#compile(expression)
    } catch (error) {
      throw new KafkaError('INVALID_REGULAR_EXPRESSION', `SubscribedTopicRegex \`${expression}\` is not a valid regular expression: ${errorMessage(error)}.`)
    }
    if (this.#patterns.size >= CACHE_SIZE_MAX) this.#patterns.clear()
    this.#patterns.set(expression, pattern)
    return pattern
  }

  resolve(expression: string, topics: TopicLookup, nowMs: number): ResolvedRegex {
    const pattern = this.compile(expression)
    const names = new Set<string>()
    for (const name of topics.names()) if (pattern.testExact(name)) names.add(name)
    return { topics: names, version: topics.version(), timestampMs: nowMs }
  }
}
