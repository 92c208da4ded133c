// Requests, questions and facts as native/binding/src/drain.rs packs them.

import type { DataPlaneEvent, ForwardedRequest, TransactionVerification } from '../native.ts'
import type { Uuid } from '../shared/uuid.ts'
import { Unpacker } from './packing.ts'

export type InboxHandlers = {
  request(request: ForwardedRequest): void
  verification(verification: TransactionVerification): void
  appendDone(token: number, errorCode: number, baseOffset: bigint): void
  event(event: DataPlaneEvent): void
  advanced(watch: number): void
}

const REQUEST = 0
const VERIFICATION = 1
const APPEND_DONE = 2
const CONNECTION_CLOSED = 3
const PARTITION_FAILED = 4
const PARTITION_LOADED = 5
const LOG_DIR_FAILED = 6
const PARTITION_ADVANCED = 7
const ISR_PROPOSED = 8
const PARTITION_TRUNCATED = 9
const REPLICA_STALLED = 10

/** Hands the items in the first `length` bytes of `buffer` to `handlers`, in order. Frames are copied: the buffer is used again. */
export function readInbox(buffer: Buffer, length: number, listeners: readonly string[], handlers: InboxHandlers): void {
  let position = 0
  while (position < length) {
    const end = position + 4 + buffer.readUInt32LE(position)
    readItem(buffer, position + 4, end, listeners, handlers)
    position = end
  }
}

function readItem(buffer: Buffer, start: number, end: number, listeners: readonly string[], handlers: InboxHandlers): void {
  const unpacker = new Unpacker(buffer, start)
  const kind = unpacker.u8()
  switch (kind) {
    case REQUEST: {
      const listener = listeners[unpacker.u8()] ?? ''
      const requestId = unpacker.f64()
      const clientAddress = unpacker.string()
      handlers.request({ requestId, listener, clientAddress, frame: Buffer.from(buffer.subarray(unpacker.position, end)) })
      return
    }
    case VERIFICATION:
      handlers.verification(readVerification(unpacker))
      return
    case APPEND_DONE:
      handlers.appendDone(unpacker.u32(), unpacker.i16(), unpacker.i64())
      return
    case CONNECTION_CLOSED:
      handlers.event({ kind: 'connectionClosed', listener: listeners[unpacker.u8()] ?? '', peer: unpacker.string(), reason: unpacker.string() })
      return
    case PARTITION_FAILED:
      handlers.event({ kind: 'partitionFailed', topic: unpacker.string(), partition: unpacker.i32(), message: unpacker.string() })
      return
    case PARTITION_LOADED:
      handlers.event({ kind: 'partitionLoaded', topic: unpacker.string(), partition: unpacker.i32(), recoveredBytes: unpacker.f64(), truncatedBytes: unpacker.f64() })
      return
    case LOG_DIR_FAILED:
      handlers.event({ kind: 'logDirFailed', path: unpacker.string(), message: unpacker.string() })
      return
    case ISR_PROPOSED:
      handlers.event(readIsrProposal(unpacker))
      return
    case PARTITION_TRUNCATED:
      handlers.event({ kind: 'partitionTruncated', topic: unpacker.string(), partition: unpacker.i32(), fromOffset: unpacker.f64(), toOffset: unpacker.f64() })
      return
    case REPLICA_STALLED:
      handlers.event({ kind: 'replicaStalled', topic: unpacker.string(), partition: unpacker.i32(), leader: unpacker.i32(), errorCode: unpacker.i16(), reason: unpacker.string() })
      return
    case PARTITION_ADVANCED:
      handlers.advanced(unpacker.f64())
      return
    default:
      throw new Error(`the data plane sent an item of unknown kind ${kind}`)
  }
}

function readVerification(unpacker: Unpacker): TransactionVerification {
  const head = {
    requestId: unpacker.f64(),
    transactionalId: unpacker.string(),
    producerId: unpacker.i64(),
    producerEpoch: unpacker.i16(),
    produceVersion: unpacker.i16(),
  }
  const partitions = Array.from({ length: unpacker.i32() }, () => ({ topic: unpacker.string(), partition: unpacker.i32() }))
  return { ...head, partitions }
}

function readIsrProposal(unpacker: Unpacker): DataPlaneEvent {
  const head = {
    topic: unpacker.string(),
    topicId: unpacker.string() as Uuid,
    partition: unpacker.i32(),
    leaderEpoch: unpacker.i32(),
    partitionEpoch: unpacker.i32(),
    recovered: unpacker.u8() === 1,
  }
  const isr = Array.from({ length: unpacker.i32() }, () => ({ brokerId: unpacker.i32(), brokerEpoch: unpacker.f64() }))
  return { kind: 'isrProposed', ...head, isr }
}
