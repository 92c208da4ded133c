// Tells whether the topics that a group reads are as they were.

import { createHash } from 'node:crypto'
import type { TopicLookup, TopicSummary } from '../topic-lookup.ts'

/** Differs where a topic has come, gone, been made anew, grown, or moved to other racks. 0 where none of the topics exists. */
export function metadataHash(names: ReadonlySet<string>, topics: TopicLookup): bigint {
  const hash = createHash('sha256')
  let count = 0
  for (const name of [...names].sort()) {
    const topic = topics.byName(name)
    if (topic === undefined) continue
    count++
    hash.update(textOf(topic))
  }
  return count === 0 ? 0n : hash.digest().readBigInt64BE()
}

/** Members come by hundreds while their topics stay as they are. */
const texts = new WeakMap<TopicSummary, string>()

function textOf(topic: TopicSummary): string {
  let text = texts.get(topic)
  if (text === undefined) texts.set(topic, (text = `${topic.name}\0${topic.id}\0${topic.partitionCount}\0${racksOf(topic)}\n`))
  return text
}

function racksOf(topic: TopicSummary): string {
  const { racks } = topic
  if (racks === undefined) return ''
  return Array.from({ length: topic.partitionCount }, (_, partition) => [...racks.call(topic, partition)].sort().join(',')).join(';')
}
