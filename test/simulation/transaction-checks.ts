// What must hold of the batches of transactions in a log.

import { unpackBatches } from '../../src/native/stored-batches.ts'
import type { StoredBatch } from '../../src/native.ts'
import type { SimulatedNode } from './node.ts'

const READ_BYTES = 65_536

/**
 * The first batch of a transaction that stands behind the marker that ended it (KIP-890): whoever waits for its end would wait for
 * ever. Every marker carries the epoch after that of its transaction. Null where there is none.
 */
export function lateBatch({ replicas }: SimulatedNode, topic: string, partition: number): string | null {
  const ended = new Map<bigint, number>()
  for (const { baseOffset, producerId, producerEpoch, control, transactional } of batchesOf(replicas, topic, partition)) {
    if (control !== null) ended.set(producerId, producerEpoch)
    else if (transactional && producerEpoch < (ended.get(producerId) ?? -1)) return `${topic}-${partition}: the batch at ${baseOffset} is of ${producerId}/${producerEpoch}, and the transaction has ended`
  }
  return null
}

function* batchesOf(replicas: SimulatedNode['replicas'], topic: string, partition: number): Generator<StoredBatch> {
  for (let offset = 0; ; ) {
    const batches = unpackBatches(replicas.read(topic, partition, offset, READ_BYTES))
    if (batches.length === 0) return
    yield* batches
    offset = Number((batches.at(-1) as StoredBatch).lastOffset) + 1
  }
}
