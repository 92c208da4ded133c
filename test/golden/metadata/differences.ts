// Where this broker answers otherwise than Apache Kafka, and why that is right.

export const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['Metadata v12 neither name nor id', 'Kafka fails with a NullPointerException; the request is refused'],
  ['CreatePartitions v3 a to 10008', 'Kafka fails while it makes the records; the request is refused as CreateTopics refuses it'],
  ['CreateTopics v7 {"internal.segment.bytes":"100"}', "a setting of Kafka's own tests"],
  ['IncrementalAlterConfigs v1 retention.ms 7 1', 'Kafka fails with an exception; the operation is named'],
  ['IncrementalAlterConfigs v1 all brokers listeners', 'Kafka can change listeners of one broker; here they are fixed'],
])
