// A program that starts two brokers, uses and closes them, and tells what it still holds; it must end by itself.

import { existsSync } from 'node:fs'
import { Broker } from '../../src/index.ts'
import { WireClient } from './wire-client.ts'

const brokers = [await Broker.start(), await Broker.start()]
const clients: WireClient[] = []
for (const { port } of brokers) {
  const client = await WireClient.connect(port)
  await client.call('Metadata', 13, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  await client.call('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['g'] })
  clients.push(client)
}
// One goes before its clients, the other after them.
await brokers[0]?.close()
for (const client of clients) client.close()
await brokers[1]?.close()
await brokers[1]?.close()
await new Promise(setImmediate)
const held = process.getActiveResourcesInfo().filter((name) => !['PipeWrap', 'TTYWrap'].includes(name))
console.log(JSON.stringify({ held, directories: brokers.filter(({ dataDir }) => existsSync(dataDir)).length }))
