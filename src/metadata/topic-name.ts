// Kafka's rules for the names of topics.

import { TOPIC_NAME_LENGTH_MAX } from '../shared/limits.ts'

/** What is wrong with a name, in Kafka's words; undefined where nothing is. */
export function topicNameFault(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > TOPIC_NAME_LENGTH_MAX) return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${TOPIC_NAME_LENGTH_MAX}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  return undefined
}

/** Names that differ only in dots and underscores share their metrics' names in Kafka, so only one of them may exist. */
export function collisionKey(name: string): string | undefined {
  return name.includes('.') || name.includes('_') ? name.replaceAll('.', '_') : undefined
}
