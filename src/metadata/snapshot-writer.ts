// Decides when the metadata log is to be shortened: once so many bytes, or changes of so long ago, are in no snapshot.

import type { MetadataRecord } from '../protocol/codec.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { ClusterImage } from './cluster-image.ts'
import { imageRecords } from './image-records.ts'
import type { MetadataListener } from './metadata-runtime.ts'

/** A log that may forget what a snapshot holds. */
export interface SnapshotLog {
  /** Of committed records that are in no snapshot. */
  bytesSinceSnapshot(): number
  /** Takes the records as the whole state after `lastOffset`, an image's own; what came before is dropped in time. */
  saveSnapshot(lastOffset: bigint, records: readonly MetadataRecord[]): void
}

export type SnapshotWriterParts = {
  readonly log: SnapshotLog
  readonly runtime: { readonly image: ClusterImage; onChange(listener: MetadataListener): void }
  readonly timers: Timers
  readonly logger: Logger
  /** `metadata.log.max.record.bytes.between.snapshots` */
  readonly bytesMax: number
  /** `metadata.log.max.snapshot.interval.ms`; 0 for no bound in time. */
  readonly intervalMaxMs: number
}

const TIMER = 'metadata-snapshot'

export class SnapshotWriter {
  readonly #parts: SnapshotWriterParts
  #timed = false

  /** Begins at once: what an earlier run left without a snapshot counts. */
  constructor(parts: SnapshotWriterParts) {
    this.#parts = parts
    parts.runtime.onChange((image) => this.#consider(image))
    this.#consider(parts.runtime.image)
  }

  #consider(image: ClusterImage): void {
    const { log, timers, runtime, bytesMax, intervalMaxMs } = this.#parts
    const bytes = log.bytesSinceSnapshot()
    if (bytes >= bytesMax) return this.#write(image)
    if (bytes === 0 || intervalMaxMs === 0 || this.#timed) return
    this.#timed = true
    timers.set(TIMER, intervalMaxMs, () => this.#write(runtime.image))
  }

  #write(image: ClusterImage): void {
    this.#timed = false
    this.#parts.timers.cancel(TIMER)
    const records = imageRecords(image)
    this.#parts.log.saveSnapshot(image.offset, records)
    this.#parts.logger.info('wrote a snapshot of the metadata', { lastOffset: String(image.offset), records: records.length })
  }
}
