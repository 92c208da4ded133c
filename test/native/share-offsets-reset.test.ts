// `groups reset-offsets` of a share group against a whole broker: where it begins moves, and members keep it from moving.

import { expect, test } from 'vitest'
import { resetGroupOffsets } from '../../src/admin/operations/group-offsets.ts'
import { ClusterClient } from '../../src/cli/client/cluster-client.ts'
import { Broker } from '../../src/index.ts'
import { randomUuid } from '../../src/shared/uuid.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

test('a share group without members begins where it is told to', async () => {
  const broker = await Broker.start({ logLevel: 'FATAL', settings: { 'share.coordinator.state.topic.num.partitions': 1, 'offsets.topic.num.partitions': 1 } })
  const wire = await WireClient.connect(broker.port)
  const tools = await ClusterClient.connect([{ host: broker.host, port: broker.port }], { clientId: 'test', connectTimeoutMs: 5000, requestTimeoutMs: 20_000 })
  try {
    await wire.call('CreateTopics', 7, { topics: [{ name: 'jobs', numPartitions: 1, replicationFactor: 1 }] })
    expect((await produce(wire, 'jobs', 0, recordBatch(['a', 'b', 'c', 'd', 'e']))).errorCode).toBe(0)
    while ((await wire.call('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['workers'] })).coordinators[0]?.errorCode !== 0);
    const member = { groupId: 'workers', memberId: randomUuid(), subscribedTopicNames: ['jobs'] }
    let memberEpoch = 0
    while (memberEpoch === 0) memberEpoch = (await wire.call('ShareGroupHeartbeat', 1, { ...member, memberEpoch: 0 })).memberEpoch
    await expect(resetGroupOffsets(tools, 'workers', { topics: [{ topic: 'jobs' }], to: { earliest: true } }, 0)).rejects.toThrow(/only while it has no members/)
    await wire.call('ShareGroupHeartbeat', 1, { ...member, memberEpoch: -1 })
    await resetGroupOffsets(tools, 'workers', { topics: [{ topic: 'jobs' }], to: { offset: 3 } }, 0)
    const shown = await resetGroupOffsets(tools, 'workers', { topics: [{ topic: 'jobs' }], to: { shiftBy: -1 }, dryRun: true }, 0)
    expect(shown.offsets).toEqual([{ topic: 'jobs', partition: 0, previousOffset: 3, newOffset: 2 }])
  } finally {
    tools.close()
    wire.close()
    await broker.close()
  }
})
