// What the data plane reports, in words for the operator.

import type { DataPlaneEvent } from '../native.ts'
import { errorName } from '../protocol/error-codes.ts'
import type { Logger } from '../shared/logger.ts'

export function logDataPlaneEvent(event: DataPlaneEvent, logger: Logger): void {
  switch (event.kind) {
    case 'connectionClosed':
      // Without a peer it was closed because a request was refused here, and whoever refused it has said why.
      if (event.peer !== '') logger.info('closed a connection', { client: event.peer, listener: event.listener, reason: event.reason })
      return
    case 'partitionFailed':
      logger.error('a partition has stopped', { topic: event.topic, partition: event.partition, reason: event.message })
      return
    case 'logDirFailed':
      logger.error('a log directory has failed', { path: event.path, reason: event.message })
      return
    case 'partitionLoaded':
      if (event.truncatedBytes > 0) {
        logger.warn('cut an unfinished write off a log', { topic: event.topic, partition: event.partition, bytes: event.truncatedBytes })
      } else {
        logger.debug('recovered a log', { topic: event.topic, partition: event.partition, bytes: event.recoveredBytes })
      }
      return
    case 'partitionTruncated':
      logger.info('cut a log where it parted from the leader\'s', { topic: event.topic, partition: event.partition, fromOffset: event.fromOffset, toOffset: event.toOffset })
      return
    case 'replicaStalled':
      logger.warn('a replica gets nothing from its leader', { topic: event.topic, partition: event.partition, leader: event.leader, reason: event.errorCode === 0 ? event.reason : errorName(event.errorCode) })
      return
    case 'isrProposed':
      logger.debug('proposes an ISR', { topic: event.topic, partition: event.partition, leaderEpoch: event.leaderEpoch, isr: event.isr.map(({ brokerId }) => brokerId).join(',') })
      return
  }
}
