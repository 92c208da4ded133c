// One request of a conversation, and its answer as it is compared.

import type { ApiName, Encodable, RequestOf } from '../../../src/protocol/api-keys.ts'
import { ERRORS, errorName } from '../../../src/protocol/error-codes.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'

export type Question<N extends ApiName = ApiName> = { readonly name: string; readonly api: N; readonly version: number; readonly request: Encodable<RequestOf<N>> }

/** `about` tells questions of one API apart. */
export function ask<N extends ApiName>(api: N, version: number, about: string, request: Encodable<RequestOf<N>>): Question {
  return { name: `${api} v${version} ${about}`, api, version, request } as Question
}

export type NewTopic = { name: string; numPartitions: number; replicationFactor: number; configs: { name: string; value: string }[] }

export function topicOf(name: string, numPartitions = 1, configs: Readonly<Record<string, string>> = {}, replicationFactor = 1): NewTopic {
  return { name, numPartitions, replicationFactor, configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }
}

/** How what Apache Kafka says begins where it has no more to say than the error's own sentence, which here is another one. */
const KAFKAS_SENTENCES = /^This (server does not host this topic|most likely occurs because of a request being malformed)/
const OWN_SENTENCES: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ message }) => message).filter((message) => message !== ''))
const DIFFER_BY_BROKER = new Set(['clusterId', 'port', 'logDir', 'partitionSize', 'totalBytes', 'usableBytes', 'documentation'])
const UNORDERED: Readonly<Record<string, readonly string[]>> = { topics: ['name'], configs: ['name'], configResources: ['resourceName'], partitions: ['partitionIndex'], responses: ['resourceName', 'name'], replicaElectionResults: ['topic'], results: ['user', 'feature'] }
/** Settings that are not Kafka's, or not yet. */
const OWN_SETTINGS = new Set([
  'delivery.delay.enable', 'delivery.delay.max.ms', 'flush.on.ack', 'log.flush.on.ack', 'record.ttl.enable',
  'errors.deadletterqueue.auto.create.topics.enable', 'errors.deadletterqueue.copy.record.enable', 'errors.deadletterqueue.group.enable',
  'errors.deadletterqueue.topic.name', 'errors.deadletterqueue.topic.name.prefix',
])

/** The answer without what differs from one broker to the next; configs at their defaults are only counted where `brief`. */
export function comparable(value: unknown, brief: boolean, field = ''): unknown {
  if (typeof value === 'bigint') return String(value)
  if (/errorCode$/i.test(field)) return errorName(value as number)
  if (field === 'errorMessage' && (KAFKAS_SENTENCES.test(String(value)) || OWN_SENTENCES.has(value as string))) return '(sentence of the error)'
  if (field === 'topicId') return value === ZERO_UUID ? 'none' : 'an id'
  if (Array.isArray(value)) return comparableList(value.filter((each: { name?: string }) => !OWN_SETTINGS.has(each?.name ?? '')), brief, field)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([name]) => !DIFFER_BY_BROKER.has(name)).map(([name, each]) => [name, comparable(each, brief, name)]))
}

function comparableList(list: unknown[], brief: boolean, field: string): unknown {
  const keys = UNORDERED[field] ?? []
  const all = list.map((each) => comparable(each, brief, field))
  const sorted = all.toSorted((a, b) => order(keyOf(a, keys), keyOf(b, keys)))
  if (!brief || field !== 'configs') return sorted
  const kept = sorted.filter((each) => (each as { configSource: number }).configSource !== DEFAULT_CONFIG)
  return { set: kept, defaultCount: sorted.length - kept.length }
}

const DEFAULT_CONFIG = 5

function keyOf(value: unknown, keys: readonly string[]): string | number {
  for (const key of keys) {
    const found = (value as Record<string, string | number>)[key]
    if (found !== undefined) return found
  }
  return 0
}

function order(a: string | number, b: string | number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
