// The broker's settings as the data plane acts on them.

import type { BrokerConfig } from '../config/broker-config.ts'
import { RACK_AWARE_SELECTOR } from '../config/broker-settings.ts'
import type { DataPlaneOptions } from '../native.ts'
import type { Uuid } from '../shared/uuid.ts'

export function dataPlaneOptions({ settings, nodeId, logDirs }: BrokerConfig, clusterId: Uuid, coreCount: number): DataPlaneOptions {
  return {
    nodeId,
    clusterId,
    logDirs: [...logDirs],
    threadCount: settings['num.network.threads'] ?? coreCount,
    requestSizeMaxBytes: settings['socket.request.max.bytes'],
    connectionsMax: settings['max.connections'],
    connectionsMaxPerIp: settings['max.connections.per.ip'],
    connectionIdleMaxMs: noLimitBelowZero(settings['connections.max.idle.ms']),
    fetchSessionsMax: settings['max.incremental.fetch.session.cache.slots'],
    fetchSizeMaxBytes: settings['fetch.max.bytes'],
    producerIdExpirationMs: settings['producer.id.expiration.ms'],
    checkpointIntervalMs: settings['log.flush.offset.checkpoint.interval.ms'],
    recoveryThreadCount: settings['num.recovery.threads.per.data.dir'],
    rack: settings['broker.rack'],
    rackAwareReads: settings['replica.selector.class'] === RACK_AWARE_SELECTOR,
    replicaFetcherCount: settings['num.replica.fetchers'],
    replicaFetchMinBytes: settings['replica.fetch.min.bytes'],
    replicaFetchMaxBytes: settings['replica.fetch.max.bytes'],
    replicaFetchResponseMaxBytes: settings['replica.fetch.response.max.bytes'],
    replicaFetchWaitMaxMs: settings['replica.fetch.wait.max.ms'],
    replicaFetchBackoffMs: settings['replica.fetch.backoff.ms'],
    replicaLagTimeMaxMs: settings['replica.lag.time.max.ms'],
    replicaSocketTimeoutMs: settings['replica.socket.timeout.ms'],
    highWatermarkCheckpointIntervalMs: settings['replica.high.watermark.checkpoint.interval.ms'],
  }
}

function noLimitBelowZero(durationMs: number): number {
  return durationMs < 0 ? Number.MAX_SAFE_INTEGER : durationMs
}
