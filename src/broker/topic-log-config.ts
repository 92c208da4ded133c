// A topic's settings as the data plane acts on them.

import type { TopicSettings } from '../config/topic-settings.ts'
import type { TopicLogConfig } from '../native.ts'
import type { RetentionPolicy } from './retention.ts'

export function topicLogConfig(settings: TopicSettings): TopicLogConfig {
  return {
    segmentBytes: settings['segment.bytes'],
    segmentMs: settings['segment.ms'],
    segmentJitterMs: settings['segment.jitter.ms'],
    segmentIndexBytes: settings['segment.index.bytes'],
    indexIntervalBytes: settings['index.interval.bytes'],
    maxMessageBytes: settings['max.message.bytes'],
    minInsyncReplicas: settings['min.insync.replicas'],
    compressionType: settings['compression.type'],
    compressionLevel: compressionLevel(settings),
    timestampType: settings['message.timestamp.type'],
    timestampBeforeMaxMs: settings['message.timestamp.before.max.ms'],
    timestampAfterMaxMs: settings['message.timestamp.after.max.ms'],
    flushMessages: settings['flush.messages'],
    flushMs: settings['flush.ms'],
    flushOnAck: settings['flush.on.ack'],
    preallocate: settings.preallocate,
    fileDeleteDelayMs: settings['file.delete.delay.ms'],
    compacted: settings['cleanup.policy'].includes('compact'),
  }
}

export function retentionPolicy(settings: TopicSettings): RetentionPolicy {
  return {
    retentionMs: settings['retention.ms'],
    retentionBytes: settings['retention.bytes'],
    deletes: settings['cleanup.policy'].includes('delete'),
  }
}

/** Of the codec that `compression.type` names; 0 where it names none that has levels. */
function compressionLevel(settings: TopicSettings): number {
  switch (settings['compression.type']) {
    case 'gzip':
      return settings['compression.gzip.level']
    case 'lz4':
      return settings['compression.lz4.level']
    case 'zstd':
      return settings['compression.zstd.level']
    default:
      return 0
  }
}
