// Names that the topics of a topology may have: those of any topic but the broker's own.

const NAME_LENGTH_MAX = 249
const NAME = /^[a-zA-Z0-9._-]+$/
const BROKER_TOPICS: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state', '__cluster_metadata'])

/** What is wrong with the name, null for nothing. */
export function topicNameProblem(name: string): string | null {
  if (BROKER_TOPICS.has(name)) return `Use of Kafka internal topics ${name} in a Kafka Streams topology is prohibited.`
  if (name === '' || name === '.' || name === '..' || name.length > NAME_LENGTH_MAX || !NAME.test(name)) return `Topic names ${name} are not valid topic names.`
  return null
}
