// The metadata log of a broker does not grow for ever: snapshots take the place of what came before.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { Logging } from '../../src/shared/logger.ts'
import { allocateProducerIds } from '../../src/metadata/controller/cluster-records.ts'

test('a broker that starts from a snapshot knows what it knew', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-snapshot-'))
  try {
    const values = new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', directory], ['metadata.log.max.record.bytes.between.snapshots', '2000']])
    const parts = { config: loadBrokerConfig([{ origin: 'test', values }]), logging: new Logging({ level: 'FATAL' }) }
    const snapshots = () => readdirSync(join(directory, '__cluster_metadata-0')).filter((name) => name.endsWith('.checkpoint'))
    const { nodeId } = parts.config

    const first = await BrokerNode.start(parts)
    let last = -1n
    // The snapshot is written beside the changes; each of them is waited for.
    while (snapshots().length === 0) last = (await first.metadata.write((image) => allocateProducerIds(image, nodeId))).first
    await first.close()

    const second = await BrokerNode.start(parts)
    expect(second.metadata.image.features).toEqual(first.metadata.image.features)
    expect((await second.metadata.write((image) => allocateProducerIds(image, nodeId))).first).toBe(last + 1000n)
    await second.close()
    expect(snapshots().length).toBeGreaterThan(0)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
