import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { directoryIdOf, findMembership, quorumAddress, quorumDirectoryId } from '../../../src/broker/quorum.ts'
import { loadBrokerConfig } from '../../../src/config/broker-config.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'
import { CLUSTER_ID, idOf } from '../../support/cluster-images.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-quorum-'))
let count = 0
afterEach(() => rmSync(root, { recursive: true, force: true }))

function logDir(properties?: string): string {
  const dir = join(root, String(count++))
  mkdirSync(dir, { recursive: true })
  if (properties !== undefined) writeFileSync(join(dir, 'meta.properties'), properties)
  return dir
}

const configOf = (settings: Record<string, string>) => loadBrokerConfig([{ origin: 'test', values: new Map(Object.entries(settings)) }])
const logger = new Logging({ write: () => undefined }).logger('broker')

test('a node that is alone keeps its cluster, or begins one', async () => {
  const known = await findMembership(configOf({ 'log.dirs': logDir(`version=1\ncluster.id=${CLUSTER_ID}\n`) }), logger)
  expect(known).toEqual({ clusterId: CLUSTER_ID, found: null })
  const fresh = await findMembership(configOf({ 'log.dirs': logDir() }), logger)
  expect([fresh.clusterId.length, fresh.found]).toEqual([22, null])
  expect(fresh.clusterId).not.toBe(CLUSTER_ID)
})

test('a node that was part of the quorum asks nobody where it belongs', async () => {
  const dir = logDir(`version=1\ncluster.id=${CLUSTER_ID}\n`)
  mkdirSync(join(dir, '__cluster_metadata-0'))
  writeFileSync(join(dir, '__cluster_metadata-0', 'quorum-vote'), '')
  let askedCount = 0
  const other = createServer((socket) => (askedCount++, socket.destroy())).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const config = configOf({ 'log.dirs': dir, listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0', 'controller.quorum.bootstrap.servers': `127.0.0.1:${(other.address() as AddressInfo).port}` })
  expect(await findMembership(config, logger)).toEqual({ clusterId: CLUSTER_ID, found: null })
  other.close()
  await once(other, 'close')
  expect(askedCount).toBe(0)
})

test('the directory that makes a node the voter it is holds the metadata log; the first one where none does', () => {
  const [first, second] = [logDir(`cluster.id=${CLUSTER_ID}\ndirectory.id=${idOf('first')}\n`), logDir(`cluster.id=${CLUSTER_ID}\ndirectory.id=${idOf('second')}\n`)]
  expect(quorumDirectoryId([first, second])).toBe(idOf('first'))
  mkdirSync(join(second, '__cluster_metadata-0'))
  expect(quorumDirectoryId([first, second])).toBe(idOf('second'))
})

test.each([
  { case: 'no file', properties: undefined },
  { case: 'no id', properties: 'version=1\n' },
  { case: 'something else', properties: 'directory.id=not an id\n' },
])('a directory with $case has no id', ({ properties }) => {
  const dir = logDir(properties)
  expect([directoryIdOf(dir), quorumDirectoryId([dir])]).toEqual([undefined, ZERO_UUID])
})

test.each([
  { listeners: 'PLAINTEXT://127.0.0.1:9092', address: null },
  { listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:0', address: { name: 'CONTROLLER', host: '127.0.0.1', port: 7777 } },
  { listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://:9093', address: { name: 'CONTROLLER', host: hostname(), port: 9093 } },
])('voters reach $listeners at $address', ({ listeners, address }) => {
  expect(quorumAddress(configOf({ listeners }), 7777)).toEqual(address)
})
