// The admin API over HTTP, through its own client and as a stranger would use it.

import { once } from 'node:events'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Admin, AdminError, Broker } from '../../src/index.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

let broker: Broker
let admin: Admin
let url: string

beforeAll(async () => {
  broker = await Broker.start({ adminPort: 0 })
  url = broker.adminUrl ?? ''
  admin = new Admin(url)
})

afterAll(() => broker.close())

async function write(topic: string, values: readonly string[]): Promise<void> {
  const client = await WireClient.connect(broker.port)
  const { errorCode } = await produce(client, topic, 0, recordBatch(values))
  expect(errorCode).toBe(0)
  client.close()
}

describe('topics', () => {
  it('are created, described, grown, configured and deleted', async () => {
    const created = await admin.createTopic({ name: 'orders', partitionCount: 2, configs: { 'retention.ms': '60000' } })
    expect(created).toMatchObject({ name: 'orders', partitionCount: 2, internal: false })
    expect((await admin.topics()).map(({ name }) => name)).toContain('orders')
    expect((await admin.createPartitions('orders', { partitionCount: 3 })).partitions.length).toBe(3)
    expect((await admin.alterTopicConfigs('orders', { set: { 'retention.ms': '70000' } })).find(({ name }) => name === 'retention.ms')?.value).toBe('70000')
    await admin.deleteTopic('orders')
    await expect(admin.topic('orders')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 })
  })

  it('that exist already are a conflict', async () => {
    await admin.createTopic({ name: 'twice' })
    await expect(admin.createTopic({ name: 'twice' })).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS', status: 409 })
  })
})

describe('records', () => {
  it('are browsed by offset and by time, as text, JSON or base64', async () => {
    await admin.createTopic({ name: 'browsed', partitionCount: 1 })
    await write('browsed', ['plain', '{"a":1}', '\u0000'])
    const page = await admin.records('browsed', 0, { offset: 1, limit: 1 })
    expect(page).toMatchObject({ nextOffset: 2, logStartOffset: 0, highWatermark: 3 })
    expect(page.records[0]).toMatchObject({ offset: 1, value: { encoding: 'json', data: { a: 1 } } })
    expect((await admin.records('browsed', 0, { valueEncoding: 'base64' })).records[0]?.value).toEqual({ encoding: 'base64', data: 'cGxhaW4=' })
    expect((await admin.records('browsed', 0, { timestampMs: Date.now() + 60_000 })).records).toEqual([])
    expect((await admin.deleteRecords('browsed', 0, 2)).logStartOffset).toBe(2)
    expect((await admin.partitions('browsed')).partitions[0]).toMatchObject({ logStartOffset: 2, highWatermark: 3 })
  })
})

describe('groups', () => {
  it('have a lag in records and in seconds, and offsets that can be moved', async () => {
    await admin.createTopic({ name: 'lagging', partitionCount: 1 })
    await write('lagging', ['a', 'b', 'c'])
    await expect(admin.group('absent')).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    const moved = await resetWhenThere('slow', 'lagging', 1)
    expect(moved.offsets).toEqual([{ topic: 'lagging', partition: 0, previousOffset: null, newOffset: 1 }])
    const group = await admin.group('slow')
    expect(group.lag).toBe(2)
    expect(group.offsets[0]).toMatchObject({ topic: 'lagging', committedOffset: 1, logEndOffset: 3, lag: 2 })
    expect(group.offsets[0]?.lagSeconds).toBeGreaterThanOrEqual(0)
    expect(await admin.metrics()).toContain('millrace_group_lag_records{group="slow",topic="lagging"} 2')
    await admin.deleteGroup('slow')
    expect((await admin.groups()).map(({ groupId }) => groupId)).not.toContain('slow')
  })

  /** The first question about a group brings the coordinator's topic into being; until then it is not available. */
  async function resetWhenThere(groupId: string, topic: string, offset: number) {
    for (;;) {
      try {
        return await admin.resetOffsets(groupId, { topics: [{ topic }], to: { offset } })
      } catch (error) {
        if (!(error instanceof AdminError) || error.status !== 503) throw error
      }
    }
  }
})

describe('the cluster', () => {
  it('has a status: brokers with what they hold, the quorum, partitions in trouble', async () => {
    await admin.createTopic({ name: 'held', partitionCount: 4 })
    const status = await admin.clusterStatus()
    expect(status.brokers).toMatchObject([{ brokerId: 1, fenced: false, draining: false, controller: true }])
    expect(status.brokers[0]?.leaders).toBeGreaterThanOrEqual(4)
    expect(status).toMatchObject({ controllerId: 1, underReplicated: [], offline: [], underMinIsr: [], reassignments: [] })
    expect(status.quorum).toMatchObject({ leaderId: 1, voters: [{ nodeId: 1, voter: true, lag: 0 }], observers: [] })
    expect(await admin.quorum()).toMatchObject({ leaderId: 1 })
    expect(await admin.reassignments()).toEqual([])
  })

  it('whose topics ask for more replicas in sync than there are says so, also in metrics', async () => {
    await admin.createTopic({ name: 'demanding', partitionCount: 2, configs: { 'min.insync.replicas': '2' } })
    expect((await admin.clusterStatus()).underMinIsr.map(({ topic, partition, minIsr }) => [topic, partition, minIsr])).toEqual([['demanding', 0, 2], ['demanding', 1, 2]])
    await admin.deleteTopic('demanding')
  })

  it('is measured', async () => {
    const metrics = await admin.metrics()
    for (const line of ['millrace_active_controller 1', 'millrace_brokers 1', 'millrace_fenced_brokers 0', 'millrace_under_replicated_partitions 0', 'millrace_offline_partitions 0', 'millrace_isr_shrinks_total 0']) expect(metrics).toContain(`${line}\n`)
  })

  it('of one broker has nothing to balance, and nowhere to put what the one holds', async () => {
    expect(await admin.plan({ imbalancePercentage: 1, imbalanceBytes: 0 })).toEqual({ moves: [], blocked: [], totalBytes: 0 })
    await admin.drain(1)
    expect((await admin.clusterStatus()).brokers[0]?.draining).toBe(true)
    expect((await admin.brokerConfigs(1)).find(({ name }) => name === 'broker.draining')).toMatchObject({ value: 'true', source: 'DYNAMIC_BROKER_CONFIG' })
    expect((await admin.plan()).blocked[0]?.reason).toContain('add a broker')
    await admin.undrain(1)
    expect((await admin.clusterStatus()).brokers[0]?.draining).toBe(false)
    await expect(admin.drain(7)).rejects.toMatchObject({ code: 'BROKER_ID_NOT_REGISTERED', status: 404 })
  })

  it('has feature levels that are shown and raised', async () => {
    const features = await admin.features()
    expect(features.find(({ feature }) => feature === 'group.version')).toMatchObject({ supportedMinVersion: 0, supportedMaxVersion: 1, finalizedVersionLevel: 1 })
    expect(await admin.upgradeFeatures({ levels: { 'group.version': 1 } })).toMatchObject(features.map(({ feature }) => ({ feature })))
    await expect(admin.upgradeFeatures({ levels: { 'group.version': 99 } })).rejects.toMatchObject({ code: 'INVALID_UPDATE_VERSION' })
  })

  it('tells who cannot become or stop being a voter, and why', async () => {
    await expect(admin.addVoter({ nodeId: 1, listener: { name: 'CONTROLLER', host: '127.0.0.1', port: 9093 } })).rejects.toMatchObject({ code: 'DUPLICATE_VOTER', status: 409 })
    await expect(admin.addVoter({ nodeId: 2, listener: { name: 'CONTROLLER', host: '127.0.0.1', port: 9093 } })).rejects.toMatchObject({ code: 'VOTER_NOT_FOUND', status: 404 })
    await expect(admin.removeVoter(2)).rejects.toMatchObject({ code: 'VOTER_NOT_FOUND' })
  })
})

describe('a stranger', () => {
  it('gets a description that is valid OpenAPI', async () => {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as Record<string, unknown>
    expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true })
  })

  it.each([
    ['GET', '/nowhere', undefined, 404],
    ['PUT', '/topics', undefined, 405],
    ['PUT', '/brokers/1/draining', '{"draining":"perhaps"}', 400],
    ['GET', '/cluster/plan?imbalancePercentage=0', undefined, 400],
    ['POST', '/topics', '{nonsense', 400],
    ['POST', '/topics', '{"name":"a/b"}', 400],
    ['POST', '/topics', '{"name":"x","surprise":1}', 400],
    ['POST', '/topics', 'x'.repeat(2_000_000), 413],
    ['GET', '/topics/%zz', undefined, 400],
    ['GET', '/topics/browsed/partitions/0/records?limit=many', undefined, 400],
    ['GET', '/topics/browsed/partitions/9/records', undefined, 404],
  ])('who sends %s %s is told what is wrong', async (method, path, body, status) => {
    const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { body }) })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ status, type: 'about:blank' })
  })

  it('who leaves in the middle of a request harms nobody', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST /topics HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"na')
    socket.destroy()
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  })

  it('sees a page', async () => {
    const page = await fetch(url)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(await page.text()).toContain('<title>Millrace</title>')
  })
})

it('a port in use is one clear line', async () => {
  await expect(Broker.start({ adminPort: Number(new URL(url).port) })).rejects.toThrow(/admin API cannot listen on 127\.0\.0\.1:\d+/)
})

it('metrics of many partitions leave the event loop to others', async () => {
  await admin.createTopic({ name: 'many', partitionCount: 1000 })
  const before = performance.eventLoopUtilization()
  const metrics = await admin.metrics()
  expect(metrics).toContain('millrace_partitions')
  // The client runs on the same loop, so this is more than the broker's part.
  expect(performance.eventLoopUtilization(before).active).toBeLessThan(50)
})
