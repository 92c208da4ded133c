// What a peer may send, by mistake or on purpose: each gets an answer of Kafka's or a closed connection with one line in
// the log, and nobody else notices.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import type { ApiName } from '../../src/protocol/api-keys.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { readTable } from '../../src/protocol/generate.ts'
import { Logging } from '../../src/shared/logger.ts'
import { Random, randomValue } from '../support/message-values.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const REQUEST_SIZE_MAX_BYTES = 1_000_000
const GROWTH_MAX_BYTES = 100_000_000

let directory: string
let node: BrokerNode
let port: number
let client: WireClient
const lines: string[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-bad-input-'))
  const values = new Map([
    ['listeners', 'PLAINTEXT://127.0.0.1:0'],
    ['log.dirs', directory],
    ['socket.request.max.bytes', String(REQUEST_SIZE_MAX_BYTES)],
    ['offsets.topic.num.partitions', '1'],
    ['transaction.state.log.num.partitions', '1'],
    ['connections.max.idle.ms', '1000'],
  ])
  const config = loadBrokerConfig([{ origin: 'test', values }])
  node = await BrokerNode.start({ config, logging: new Logging({ write: (line) => lines.push(line) }) })
  port = node.listeners[0]?.port ?? 0
})

beforeEach(async () => {
  client = await WireClient.connect(port)
  lines.length = 0
  return () => client.close()
})

afterAll(async () => {
  await node.close()
  rmSync(directory, { recursive: true, force: true })
})

const sized = (frame: Uint8Array, size = frame.length): Buffer => {
  const bytes = Buffer.alloc(4 + frame.length)
  bytes.writeInt32BE(size)
  bytes.set(frame, 4)
  return bytes
}

async function open(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** What comes back until the broker closes the connection. */
async function sendUntilClosed(bytes: Uint8Array): Promise<Buffer> {
  const socket = await open()
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data))
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(received)
}

/** A frame of version 0 of the request header, whose body is these bytes. */
const frameOf = (apiKey: number, apiVersion: number, body: number[]): Buffer => {
  const header = Buffer.alloc(10)
  header.writeInt16BE(apiKey, 0)
  header.writeInt16BE(apiVersion, 2)
  header.writeInt16BE(-1, 8)
  return Buffer.concat([header, Buffer.from(body)])
}

const MANY = [0x7f, 0xff, 0xff, 0xff]
const MANY_COMPACT = [0xff, 0xff, 0xff, 0xff, 0x0f]

test.each([
  { what: 'a size above the limit', bytes: sized(new Uint8Array(0), REQUEST_SIZE_MAX_BYTES + 1) },
  { what: 'the largest size there is', bytes: sized(new Uint8Array(0), 2 ** 31 - 1) },
  { what: 'a negative size', bytes: sized(new Uint8Array(0), -1) },
  { what: 'an empty frame', bytes: sized(new Uint8Array(0)) },
  { what: 'a frame that is no header', bytes: sized(Buffer.from([0, 3, 0])) },
  { what: 'a client id that is longer than its frame', bytes: sized(Buffer.from([0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 97])) },
  { what: 'text of another protocol', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
  { what: 'an unknown API', bytes: sized(frameOf(9999, 0, [])) },
  { what: 'an API that is not served', bytes: sized(frameOf(7, 0, [])) },
  { what: 'an unknown version of Metadata', bytes: sized(frameOf(3, 99, [])) },
  { what: 'an unknown version of Produce', bytes: sized(frameOf(0, 99, [])) },
  { what: 'an unknown version of Fetch', bytes: sized(frameOf(1, 2, [])) },
  { what: 'Metadata with two thousand million topics', bytes: sized(frameOf(3, 1, MANY)) },
  { what: 'Metadata with as many in compact form', bytes: sized(frameOf(3, 9, [0, ...MANY_COMPACT])) },
  { what: 'CreateTopics with as many', bytes: sized(frameOf(19, 2, MANY)) },
  { what: 'Produce with as many', bytes: sized(frameOf(0, 3, [0xff, 0xff, 0, 1, 0, 0, 0, 1, ...MANY])) },
  { what: 'Fetch with as many', bytes: sized(frameOf(1, 4, [...MANY, 0, 0, 0, 1, 0, 0, 0, 1, ...MANY, 0, ...MANY])) },
  { what: 'ListOffsets with as many', bytes: sized(frameOf(2, 1, [0xff, 0xff, 0xff, 0xff, ...MANY])) },
  { what: 'a name of negative length', bytes: sized(frameOf(3, 0, [0, 0, 0, 1, 0xff, 0xfe])) },
  { what: 'a request that ends early', bytes: sized(frameOf(3, 1, [0, 0, 0, 1, 0, 9, 97])) },
])('$what ends the connection with one line in the log', async ({ bytes }) => {
  const answer = await sendUntilClosed(bytes)
  expect(answer).toHaveLength(0)
  await client.call('Metadata', 13, { topics: null })
  expect(lines.map((line) => line.replace(/^\S+ (\w+) .*$/s, '$1'))).toEqual(['INFO'])
})

test('half a frame and silence ends with the idle time, and keeps nobody waiting', async () => {
  const socket = await open()
  const closed = once(socket, 'close')
  socket.write(sized(frameOf(3, 1, []), 500))
  await client.call('Metadata', 13, { topics: null })
  await closed
})

test('a peer that leaves in the middle of a frame leaves nothing', async () => {
  await client.call('Metadata', 13, { topics: [] }) // the broker has accepted this connection, so it is counted
  const before = node.dataPlane.metrics().connectionCount
  const sockets = await Promise.all(Array.from({ length: 50 }, open))
  for (const socket of sockets) {
    socket.write(sized(new Uint8Array(100), 50_000))
    socket.resetAndDestroy()
  }
  while (node.dataPlane.metrics().connectionCount > before) await client.call('Metadata', 13, { topics: [] })
})

test(`frames of every API with bytes changed at random do no harm (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const random = new Random(SEED)
  const { apiKeys } = await client.call('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  const { apis } = readTable()
  const before = process.memoryUsage.rss()
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    const api = apis.find(({ key }) => key === apiKey)
    if (api === undefined) throw new Error(`no schema of API ${apiKey}`)
    const sockets: Socket[] = []
    for (let version = Math.max(minVersion, api.minVersion); version <= maxVersion; version++) {
      for (let round = 0; round < 4; round++) {
        const frame = Buffer.from(encodeRequest(api.name as ApiName, version, 1, 'test', randomValue(api.request, version, random)))
        const damaged = round === 0 ? frame : damage(frame, random)
        const socket = await open()
        socket.write(sized(damaged))
        sockets.push(socket)
      }
    }
    const other = await WireClient.connect(port)
    await other.call('Metadata', 13, { topics: null })
    for (const socket of sockets) socket.destroy()
    other.close()
  }
  expect(lines.filter((line) => / (ERROR|FATAL) /.test(line))).toEqual([])
  expect(process.memoryUsage.rss() - before).toBeLessThan(GROWTH_MAX_BYTES)
})

/** Past the header, so that the API is still the one meant. */
function damage(frame: Buffer, random: Random): Buffer {
  const start = Math.min(8, frame.length - 1)
  for (let count = 1 + random.below(4); count > 0; count--) {
    frame[start + random.below(frame.length - start)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
  }
  return random.chance(4) ? frame.subarray(0, start + random.below(frame.length - start)) : frame
}

const INVALID_RECORD = 87

test('a partition takes one whole batch of a request, and nothing of two or of half a one', async () => {
  await client.call('CreateTopics', 7, { topics: [{ name: 'one-batch', numPartitions: 1, replicationFactor: 1 }] })
  const batch = recordBatch(['a', 'b'])
  for (const records of [Buffer.concat([batch, batch]), batch.subarray(0, 50), Buffer.alloc(0)]) {
    expect(await produce(client, 'one-batch', 0, records)).toEqual({ errorCode: INVALID_RECORD, baseOffset: -1n })
  }
  expect(await produce(client, 'one-batch', 0, batch)).toEqual({ errorCode: 0, baseOffset: 0n })
})
