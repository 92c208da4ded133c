// A data directory from before there was a quorum: its metadata log was a partition of the data plane.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataPlaneOptions } from '../../src/broker/data-plane-options.ts'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { ClusterConfigs } from '../../src/metadata/cluster-configs.ts'
import { emptyImage } from '../../src/metadata/cluster-image.ts'
import { PartitionMetadataLog } from '../../src/metadata/metadata-log.ts'
import { MetadataRuntime } from '../../src/metadata/metadata-runtime.ts'
import { metadataLogState } from '../../src/metadata/topic-log-states.ts'
import { openDataPlane } from '../../src/native.ts'
import { allocateProducerIds } from '../../src/metadata/controller/cluster-records.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { Logging } from '../../src/shared/logger.ts'
import { randomUuid } from '../../src/shared/uuid.ts'

test('its changes are kept, and those made since come after them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-old-'))
  try {
    const config = loadBrokerConfig([{ origin: 'test', values: new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', directory]]) }])
    const logging = new Logging({ level: 'FATAL' })
    const empty = emptyImage(randomUuid())
    const dataPlane = await openDataPlane(dataPlaneOptions(config, empty.clusterId, 1))
    dataPlane.applyTopics([metadataLogState(new ClusterConfigs(config.nodeId, config.given).topicDefaults(empty), config.nodeId)], [])
    const old = await MetadataRuntime.open(new PartitionMetadataLog(dataPlane, config.nodeId), empty, systemClock, logging.logger('metadata'))
    const allocated = [await old.write((image) => allocateProducerIds(image, config.nodeId)), await old.write((image) => allocateProducerIds(image, config.nodeId))]
    await dataPlane.close()
    expect(allocated.map(({ first }) => first)).toEqual([0n, 1000n])

    const epochs: number[] = []
    for (const expected of [2000n, 3000n]) {
      const node = await BrokerNode.start({ config, logging })
      const { first } = await node.metadata.write((image) => allocateProducerIds(image, config.nodeId))
      expect(first).toBeGreaterThanOrEqual(expected)
      epochs.push((await node.metadata.describeQuorum()).epoch)
      await node.close()
    }
    expect(epochs[1]).toBeGreaterThan(epochs[0] ?? 0)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
