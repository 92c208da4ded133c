// What the quorum tells, as native/binding/src/quorum_events.rs packs it.

import type { QuorumEvent } from '../native.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import { MillraceError } from '../shared/errors.ts'
import { Unpacker } from './packing.ts'

export type QuorumInboxHandlers = {
  event(event: QuorumEvent): void
  done(token: number, outcome: bigint | Error): void
}

const COMMITTED = 0
const EPOCH_STARTED = 1
const LEADER_CHANGED = 2
const SNAPSHOT_BEGIN = 3
const SNAPSHOT_RECORDS = 4
const SNAPSHOT_END = 5
const DONE = 6
const STOPPED = 7
const LOG_CUT = 8

const OK = 0
const NOT_LEADER = 1
const UNKNOWN = 2
const REFUSED = 3

/** Hands the items in the first `length` bytes of `buffer` to `handlers`, in order. Records are copied: the buffer is used again. */
export function readQuorumInbox(buffer: Buffer, length: number, handlers: QuorumInboxHandlers): void {
  let position = 0
  while (position < length) {
    readItem(new Unpacker(buffer, position + 4), handlers)
    position += 4 + buffer.readUInt32LE(position)
  }
}

function readItem(unpacker: Unpacker, handlers: QuorumInboxHandlers): void {
  const kind = unpacker.u8()
  switch (kind) {
    case COMMITTED:
      handlers.event({ kind: 'committed', baseOffset: unpacker.i64(), epoch: unpacker.u32(), records: readRecords(unpacker) })
      return
    case EPOCH_STARTED:
      handlers.event({ kind: 'epochStarted', epoch: unpacker.u32() })
      return
    case LEADER_CHANGED:
      handlers.event({ kind: 'leaderChanged', leaderId: nodeOrNull(unpacker.i32()), epoch: unpacker.u32() })
      return
    case SNAPSHOT_BEGIN:
      handlers.event({ kind: 'snapshotBegin', endOffset: unpacker.i64(), epoch: unpacker.u32() })
      return
    case SNAPSHOT_RECORDS: {
      // Offset and epoch within the snapshot's file mean nothing to anybody.
      unpacker.i64()
      unpacker.u32()
      handlers.event({ kind: 'snapshotRecords', records: readRecords(unpacker) })
      return
    }
    case SNAPSHOT_END:
      handlers.event({ kind: 'snapshotEnd' })
      return
    case DONE:
      handlers.done(unpacker.u32(), readOutcome(unpacker))
      return
    case STOPPED:
      handlers.event({ kind: 'stopped', message: unpacker.string() })
      return
    case LOG_CUT:
      handlers.event({ kind: 'logCut', bytes: unpacker.f64() })
      return
    default:
      throw new Error(`the quorum sent an item of unknown kind ${kind}`)
  }
}

function readRecords(unpacker: Unpacker): Uint8Array[] {
  const count = unpacker.u32()
  return Array.from({ length: count }, () => Buffer.from(unpacker.blob() ?? []))
}

function readOutcome(unpacker: Unpacker): bigint | Error {
  const code = unpacker.u8()
  const value = unpacker.i64()
  const message = unpacker.string()
  switch (code) {
    case OK:
      return value
    case NOT_LEADER:
      return new KafkaError('NOT_LEADER_OR_FOLLOWER', value < 0n ? 'Nobody leads the metadata quorum now.' : `Node ${value} leads the metadata quorum.`)
    case UNKNOWN:
      return new KafkaError('REQUEST_TIMED_OUT', message)
    case REFUSED:
      return new KafkaError('INVALID_REQUEST', message)
    default:
      return new MillraceError('QUORUM', message)
  }
}

function nodeOrNull(id: number): number | null {
  return id < 0 ? null : id
}
