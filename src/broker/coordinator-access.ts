// What coordinators are given of the data plane and of each other: a log for their records, and the way of a
// transaction's markers into every kind of partition.

import type { CoordinatorLog } from '../coordinator/coordinator-log.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import { OFFSETS_TOPIC } from '../groups/group-records.ts'
import type { DataPlane } from '../native.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import type { Timers } from '../shared/timers.ts'
import type { MarkerWriter } from '../transactions/marker-sender.ts'

export function coordinatorLog(dataPlane: DataPlane): CoordinatorLog {
  return {
    append: (topic, partition, records, producer) =>
      dataPlane.append(topic, partition, records.map(({ key, value }) => ({ key, value, timestampMs: null, headers: [] })), producer),
    appendMarker: (topic, partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch) =>
      dataPlane.appendMarker(topic, partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch),
    read: (topic, partition, offset, maxBytes) => dataPlane.read(topic, partition, offset, maxBytes),
    offsets: (topic, partition) => dataPlane.partitionOffsets([{ topic, partition }])[0] ?? null,
    watch: (topic, partition, onAdvance) => dataPlane.watch(topic, partition, onAdvance),
  }
}

/** Markers of `__consumer_offsets` go through the group coordinator, which has to know what became of the offsets. */
export function markerWriter(dataPlane: DataPlane, groups: GroupCoordinator): MarkerWriter {
  return {
    write: ({ topic, partition }, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch) =>
      topic === OFFSETS_TOPIC
        ? groups.completeTransaction(partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch)
        : dataPlane.appendMarker(topic, partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch),
  }
}

/**
 * For markers that another broker asks for: one that is not replicated in time fails alone, before the request that brought
 * it together with others runs out of time.
 */
export function inTime(markers: MarkerWriter, timers: Timers, timeoutMs: number): MarkerWriter {
  let count = 0
  return {
    write: (partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch) => {
      const timer = `marker-in-time-${count++}`
      return new Promise((resolve, reject) => {
        timers.set(timer, timeoutMs, () => reject(new KafkaError('REQUEST_TIMED_OUT')))
        markers.write(partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch).then(resolve, reject).finally(() => timers.cancel(timer))
      })
    },
  }
}
