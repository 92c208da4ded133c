import { Type } from '@sinclair/typebox'
import type { StoredBatch, StoredRecord } from '../../native.ts'
import type { AdminContext } from '../context.ts'
import { HttpError } from '../http/problems.ts'
import { route } from '../http/route.ts'
import { PartitionIndex, TopicName } from '../schemas/fields.ts'
import { RecordPage, RecordQuery } from '../schemas/records.ts'
import type { RecordData, RecordView } from '../schemas/records.ts'

type Encoding = RecordQuery['keyEncoding']

export const recordRoutes = [
  route({
    method: 'GET',
    path: '/topics/{topic}/partitions/{partition}/records',
    operationId: 'browseRecords',
    summary: 'Records of a partition from an offset or a time on.',
    params: Type.Object({ topic: TopicName, partition: PartitionIndex }),
    query: RecordQuery,
    response: RecordPage,
    answer: (context, { params, query }) => browse(context, params.topic, params.partition, query),
  }),
]

async function browse({ records: log }: AdminContext, topic: string, partition: number, query: RecordQuery): Promise<RecordPage> {
  if (query.offset !== undefined && query.timestampMs !== undefined) throw new HttpError(400, 'query: give offset or timestampMs, not both.')
  const { logStartOffset, highWatermark } = await log.range(topic, partition)
  let next = BigInt(query.offset ?? 0)
  if (query.timestampMs !== undefined) next = (await log.offsetForTimestamp(topic, partition, query.timestampMs)) ?? highWatermark
  if (next < logStartOffset) next = logStartOffset
  const records: RecordView[] = []
  if (next < highWatermark) {
    for (const batch of await log.read(topic, partition, next, query.maxBytes)) {
      if (records.length >= query.limit) break
      const wanted = batch.records.filter(({ offset }) => offset >= next).slice(0, query.limit - records.length)
      records.push(...wanted.map((record) => view(batch, record, query)))
      const isWhole = wanted.at(-1) === batch.records.at(-1)
      next = isWhole ? batch.lastOffset + 1n : (wanted.at(-1)?.offset ?? batch.lastOffset) + 1n
    }
  }
  return { records, nextOffset: Number(next), logStartOffset: Number(logStartOffset), highWatermark: Number(highWatermark) }
}

function view(batch: StoredBatch, record: StoredRecord, { keyEncoding, valueEncoding }: RecordQuery): RecordView {
  return {
    offset: Number(record.offset),
    timestampMs: record.timestampMs,
    key: data(record.key, keyEncoding),
    value: data(record.value, valueEncoding),
    headers: record.headers.map(({ key, value }) => ({ key, value: data(value, valueEncoding) })),
    compression: batch.compression,
    producerId: batch.producerId < 0n ? null : Number(batch.producerId),
    transactional: batch.transactional,
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Bytes as they were asked for, or as the next more general encoding where they do not allow it. */
function data(bytes: Uint8Array | null, encoding: Encoding): RecordData | null {
  if (bytes === null) return null
  const base64 = (): RecordData => ({ encoding: 'base64', data: Buffer.from(bytes).toString('base64') })
  if (encoding === 'base64') return base64()
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return base64()
  }
  if (encoding === 'json' || (encoding === 'auto' && /^\s*[[{]/.test(text))) {
    try {
      return { encoding: 'json', data: JSON.parse(text) as unknown }
    } catch {
      // Not JSON after all.
    }
  }
  return { encoding: 'text', data: text }
}
