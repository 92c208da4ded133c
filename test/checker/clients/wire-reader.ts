// A reader of committed records that is always at the end of the log, with long polls, so that it meets transactions while
// they are open. KafkaJS 2.2.4 cannot play this part: it hands out records of aborted transactions where several begin
// between two records that it reads, also from Apache Kafka.

import { WireClient } from '../../support/wire-client.ts'
import { poll } from '../log-reader.ts'
import type { Setting } from './setting.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after } from './setting.ts'

const LONG_POLL_MS = 300

export async function committedReader(setting: Setting): Promise<void> {
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition)
  await Promise.all([EVENTS, COPIES].flatMap((topic) => partitions.map((partition) => follow(setting, topic, partition))))
}

/** One session over all connections: what was read is never read again. */
async function follow({ port, name, record, isOver, random }: Setting, topic: string, partition: number): Promise<void> {
  let offset = 0n
  while (!isOver()) {
    let client: WireClient | undefined
    try {
      client = await WireClient.connect(port)
      while (!isOver()) {
        const { records, nextOffset } = await poll(client, topic, partition, offset, true, random(LONG_POLL_MS))
        if (records.length > 0) record({ type: 'polled', reader: name, session: '', committed: true, topic, partition, records })
        offset = nextOffset
      }
    } catch {
      await after(50)
    }
    client?.close()
  }
}
