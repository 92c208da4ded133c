export type TopicPartition = { readonly topic: string; readonly partition: number }
