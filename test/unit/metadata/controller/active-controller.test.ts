// The controller while it leads: what it remembers of brokers, and what it does by itself as time goes by.

import { expect, test } from 'vitest'
import { ActiveController } from '../../../../src/metadata/controller/active-controller.ts'
import type { ControllerSettings } from '../../../../src/metadata/controller/active-controller.ts'
import type { ClusterImage } from '../../../../src/metadata/cluster-image.ts'
import { metadataRecord } from '../../../../src/metadata/controller/metadata-records.ts'
import { SUPPORTED_FEATURES } from '../../../../src/metadata/features.ts'
import { MetadataDelta } from '../../../../src/metadata/metadata-delta.ts'
import type { ControllerOperation, MetadataListener } from '../../../../src/metadata/metadata-runtime.ts'
import type { BrokerHeartbeatRequest, BrokerRegistrationRequest } from '../../../../src/protocol/messages.ts'
import type { MetadataRecord } from '../../../../src/protocol/codec.ts'
import { Logging } from '../../../../src/shared/logger.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { broker, changesOf, cluster, CLUSTER_ID, dirOf, epochOf, idOf, partitionOf } from '../../../support/cluster-images.ts'

const SETTINGS: ControllerSettings = { sessionTimeoutMs: 9000, balancesLeaders: true, balanceIntervalMs: 300_000, uncleanElectionIntervalMs: 300_000 }
const TICK_MS = 1000

function lead(first: ClusterImage, settings: Partial<ControllerSettings> = {}, partitionCountMax = 100) {
  const clock = new ManualClock(0)
  const listeners: MetadataListener[] = []
  const written: MetadataRecord[][] = []
  let isFailing = false
  const runtime = {
    image: first,
    async write<R>(operation: ControllerOperation<R>): Promise<R> {
      const { records, response } = operation(runtime.image, clock.nowMs())
      if (isFailing) throw new Error('no quorum')
      if (records.length === 0) return response
      written.push([...records])
      const delta = new MetadataDelta(runtime.image)
      for (const record of records) delta.replay(record)
      runtime.image = delta.apply(runtime.image.offset + BigInt(records.length))
      for (const listener of listeners) listener(runtime.image, delta)
      return response
    },
    onChange: (listener: MetadataListener) => void listeners.push(listener),
  }
  const policies = (image: ClusterImage, name: string) => ({ minInsyncReplicas: 1, allowsUncleanElection: image.configs.get(`2:${name}`)?.get('unclean.leader.election.enable') === 'true' })
  const controller = new ActiveController({ runtime, policies, settings: { ...SETTINGS, ...settings }, monotonicMs: () => clock.nowMs(), logger: new Logging({ level: 'FATAL' }).logger('controller'), partitionCountMax })
  controller.activate(1, clock.nowMs())
  const beat = (brokerId: number, change: Partial<BrokerHeartbeatRequest> = {}) =>
    controller.heartbeat({ brokerId, brokerEpoch: runtime.image.brokers.get(brokerId)?.epoch ?? -1n, currentMetadataOffset: runtime.image.offset, wantFence: false, wantShutDown: false, offlineLogDirs: [], cordonedLogDirs: null, ...change }, clock.nowMs())
  const register = (brokerId: number, run: string, { previousBrokerEpoch = -1n, directory = brokerId } = {}) => {
    const request: BrokerRegistrationRequest = {
      brokerId, clusterId: CLUSTER_ID, incarnationId: idOf(run), listeners: [], rack: null, isMigratingZkBroker: false, logDirs: [dirOf(directory)], previousBrokerEpoch,
      features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
    }
    return controller.registerBroker(request, clock.nowMs())
  }
  /** Time goes by, in which these brokers are heard every second. */
  const live = async (durationMs: number, heard: readonly number[]) => {
    for (let passed = 0; passed < durationMs; passed += TICK_MS) {
      clock.advance(TICK_MS)
      for (const id of heard) await beat(id)
      await controller.attend()
    }
  }
  const changes = () => changesOf(written.splice(0).flat())
  return { clock, controller, runtime, written, beat, register, live, changes, failWrites: (fails: boolean) => (isFailing = fails) }
}

test('a broker that falls silent is fenced after its session, and whoever else is in sync leads', async () => {
  const { live, changes } = lead(cluster({ topics: { t: [{ leader: 2 }, {}] } }))
  await live(9000, [1, 3])
  expect(changes()).toEqual([])
  await live(1000, [1, 3])
  expect(changes()).toEqual([{ partition: 0, leader: 1, isr: [1, 3] }, { partition: 1, isr: [1, 3] }, { broker: 2, fenced: true }])
  await live(60_000, [1, 3])
  expect(changes()).toEqual([])
})

test('after a change of the controller every broker has a whole session', async () => {
  const { controller, clock, live, changes } = lead(cluster())
  await live(8000, [])
  controller.deactivate()
  await live(60_000, [])
  controller.activate(3, clock.nowMs())
  await live(9000, [1, 3])
  expect(changes()).toEqual([])
  await live(1000, [1, 3])
  expect(changes()).toEqual([{ broker: 2, fenced: true }])
})

test('a controller that did not run itself blames nobody', async () => {
  const { clock, controller, live, changes } = lead(cluster())
  await live(1000, [1, 2, 3])
  clock.advance(60_000)
  await controller.attend()
  expect(changes()).toEqual([])
  await live(9000, [1, 3])
  await live(1000, [1, 3])
  expect(changes()).toEqual([{ broker: 2, fenced: true }])
})

test('several that fall silent are fenced one after another, each on what the one before has led to', async () => {
  const { live, written, runtime } = lead(cluster({ topics: { t: [{ leader: 2 }] } }))
  await live(10_000, [3])
  expect(written.map((records) => changesOf(records))).toEqual([
    [{ partition: 0, isr: [2, 3] }, { broker: 1, fenced: true }],
    [{ partition: 0, leader: 3, isr: [3] }, { broker: 2, fenced: true }],
  ])
  expect(partitionOf(runtime.image)).toMatchObject({ leader: 3, leaderEpoch: 6, partitionEpoch: 9 })
})

test('a broker of which more partitions know than one append takes is fenced last', async () => {
  const { live, written, runtime } = lead(cluster({ topics: { t: Array.from({ length: 5 }, () => ({ leader: 2 })) } }), {}, 2)
  await live(10_000, [1, 3])
  expect(written.map(({ length }) => length)).toEqual([2, 2, 2])
  expect(written.at(-1)?.at(-1)?.name).toBe('BrokerRegistrationChangeRecord')
  expect(runtime.image.brokers.get(2)?.fenced).toBe(true)
})

test('what could not be written is tried again', async () => {
  const { live, changes, failWrites } = lead(cluster())
  failWrites(true)
  await live(10_000, []).catch(() => undefined)
  failWrites(false)
  await live(1000, [])
  expect(changes()).toEqual([{ broker: 1, fenced: true }, { broker: 2, fenced: true }, { broker: 3, fenced: true }])
})

test('a process is alive from its registration on: another one of the same id waits for a session', async () => {
  const { register, clock, live, beat, runtime } = lead(cluster())
  // What was heard of broker 2 under another controller counts for nothing here.
  const epoch = await register(2, 'second')
  await expect(register(2, 'third', { directory: 9 })).rejects.toThrow('Another broker is registered')
  expect(await register(2, 'second')).toBe(epoch)
  await live(8000, [1, 3])
  await beat(2, { currentMetadataOffset: 0n })
  await live(9000, [1, 3])
  await expect(register(2, 'third', { directory: 9 })).rejects.toThrow('Another broker is registered')
  clock.advance(1000)
  expect(await register(2, 'third', { directory: 9 })).toBeGreaterThan(epoch)
  await expect(beat(2, { brokerEpoch: epoch })).rejects.toMatchObject({ message: expect.stringContaining('Expected broker epoch') })
  expect(runtime.image.brokers.get(2)).toMatchObject({ fenced: true, incarnationId: idOf('third') })
})

test('a broker that was let go may come back at once', async () => {
  const { register, beat } = lead(cluster())
  await beat(2)
  expect(await beat(2, { wantShutDown: true })).toMatchObject({ shouldShutDown: true })
  await register(2, 'second')
})

test('a whole stop: leaderships go first, and the broker when all others have read of it', async () => {
  const { beat, runtime, changes } = lead(cluster({ topics: { t: [{ leader: 2 }] } }))
  const before = runtime.image.offset
  for (const id of [1, 2, 3]) await beat(id)
  expect(await beat(2, { wantShutDown: true })).toMatchObject({ isFenced: false, inControlledShutdown: true, shouldShutDown: false })
  expect(changes()).toEqual([{ broker: 2, inControlledShutdown: true }, { partition: 0, leader: 1, isr: [1, 3] }])
  await beat(1)
  await beat(3, { currentMetadataOffset: before })
  expect(await beat(2, { wantShutDown: true })).toMatchObject({ shouldShutDown: false })
  await beat(3)
  expect(await beat(2, { wantShutDown: true })).toMatchObject({ isFenced: true, shouldShutDown: true })
  expect(changes()).toEqual([{ broker: 2, fenced: true }])
})

test('leaders that are missing when it takes over are elected', async () => {
  const { controller, changes } = lead(cluster({ topics: { t: Array.from({ length: 5 }, () => ({ leader: -1, isr: [3] })) } }), {}, 2)
  await controller.attend()
  expect(changes()).toEqual([0, 1, 2, 3, 4].map((partition) => ({ partition, leader: 3 })))
})

test('leaderships go back to the first replicas every leader.imbalance.check.interval.seconds, where that is enabled', async () => {
  const topics = { t: [{ leader: 2 }, { leader: 2, isr: [2, 3] }, {}] }
  const { live, changes } = lead(cluster({ topics }))
  await live(299_000, [1, 2, 3])
  expect(changes()).toEqual([])
  await live(1000, [1, 2, 3])
  expect(changes()).toEqual([{ partition: 0, leader: 1 }])
  const other = lead(cluster({ topics }), { balancesLeaders: false })
  await other.live(700_000, [1, 2, 3])
  expect(other.changes()).toEqual([])
})

test('an unclean leader is elected as soon as the topic allows it, and at latest after unclean.leader.election.interval.ms', async () => {
  const dead = [broker(1, { fenced: true }), broker(2), broker(3)]
  const { live, changes, runtime } = lead(cluster({ brokers: dead, topics: { t: [{ leader: -1, isr: [1] }] } }))
  await live(1000, [2, 3])
  expect(changes()).toEqual([])
  await runtime.write(() => ({ records: [metadataRecord('ConfigRecord', { resourceType: 2, resourceName: 't', name: 'unclean.leader.election.enable', value: 'true' })], response: undefined }))
  changes()
  await live(1000, [2, 3])
  expect(changes()).toEqual([{ partition: 0, leader: 2, isr: [2], leaderRecoveryState: 1 }])
})

test('a node that does not lead refuses all of it', async () => {
  const { controller, beat, register } = lead(cluster())
  controller.deactivate()
  const refused = { errorCode: 41 }
  await expect(beat(1)).rejects.toMatchObject(refused)
  await expect(register(1, 'x')).rejects.toMatchObject(refused)
  await expect(controller.alterPartitions({ brokerId: 1, brokerEpoch: epochOf(1), topics: [] }, 3)).rejects.toMatchObject(refused)
  await expect(controller.allocateProducerIds(1, epochOf(1))).rejects.toMatchObject(refused)
  await expect(controller.assignDirectories({ brokerId: 1, brokerEpoch: epochOf(1), directories: [] })).rejects.toMatchObject(refused)
  expect(controller.tick(1e9)).toBeUndefined()
})

test('what a broker kept leading through its restart is given up where it never comes up', async () => {
  const { register, live, changes } = lead(cluster({ topics: { t: [{ leader: 2, isr: [2] }] } }))
  await register(2, 'second', { previousBrokerEpoch: epochOf(2) })
  expect(changes().some((change) => 'partition' in change)).toBe(false)
  await live(10_000, [1, 3])
  expect(changes()).toEqual([{ partition: 0, leader: -1, isr: [], eligibleLeaderReplicas: [2], lastKnownElr: [2] }])
})

test('an answer that needed no record is none where another node leads by then', async () => {
  const { controller, beat } = lead(cluster())
  const answer = beat(1)
  controller.deactivate()
  await expect(answer).rejects.toMatchObject({ errorCode: 41 })
})

test('a block of producer ids goes to a broker that is registered, and never twice', async () => {
  const { controller } = lead(cluster())
  expect(await controller.allocateProducerIds(1, epochOf(1))).toEqual({ first: 0n, size: 1000 })
  expect(await controller.allocateProducerIds(2, epochOf(2))).toEqual({ first: 1000n, size: 1000 })
  await expect(controller.allocateProducerIds(2, 1n)).rejects.toMatchObject({ errorCode: 77 })
})
