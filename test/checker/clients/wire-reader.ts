// Readers that are always at the end of the log, with long polls, so that they meet transactions while they are open.
// KafkaJS 2.2.4 cannot play this part: it hands out records of aborted transactions where several begin between two records
// that it reads, also from Apache Kafka.

import { ClusterClient } from '../../support/cluster-client.ts'
import { poll } from '../log-reader.ts'
import type { Setting } from './setting.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after } from './setting.ts'

const LONG_POLL_MS = 300

export function committedReader(setting: Setting): Promise<void> {
  return followAll(setting, true)
}

export function allReader(setting: Setting): Promise<void> {
  return followAll(setting, false)
}

async function followAll(setting: Setting, committed: boolean): Promise<void> {
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition)
  await Promise.all([EVENTS, COPIES].flatMap((topic) => partitions.map((partition) => follow(setting, topic, partition, committed))))
}

/** One session over all connections: what was read is never read again. */
async function follow({ bootstrap, name, record, isOver, random }: Setting, topic: string, partition: number, committed: boolean): Promise<void> {
  const client = new ClusterClient(bootstrap)
  let offset = 0n
  while (!isOver()) {
    try {
      const { records, nextOffset } = await poll(await client.leader(topic, partition), topic, partition, offset, committed, random(LONG_POLL_MS))
      if (records.length > 0) record({ type: 'polled', reader: name, session: '', committed, topic, partition, records })
      offset = nextOffset
    } catch {
      client.forget()
      await after(50)
    }
  }
  client.close()
}
