// The hot path does not wait for JavaScript.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { fetch, produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

const BLOCK_MS = 2_000

it('produce and fetch go on while the event loop stands still for two seconds', async () => {
  const child = fork(new URL('../support/blockable-broker.ts', import.meta.url), { execArgv: [] })
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const client = await WireClient.connect(port)
    await client.call('CreateTopics', 5, { topics: [{ name: 'orders', numPartitions: 1, replicationFactor: 1 }], timeoutMs: 5_000 })
    expect((await produce(client, 'orders', 0, recordBatch(['before']))).errorCode).toBe(0)
    const blocked = once(child, 'message')
    child.send({ blockMs: BLOCK_MS })
    await blocked
    let isBlocked = true
    const released = once(child, 'message').then(() => (isBlocked = false))
    // The block begins a turn after the word of it; a control-plane request in flight shows that it has begun.
    let answered = 0
    const began = Date.now()
    while (isBlocked && Date.now() - began < BLOCK_MS / 2) {
      const { errorCode, baseOffset } = await produce(client, 'orders', 0, recordBatch([`during ${answered}`]))
      expect(errorCode).toBe(0)
      const fetched = await fetch(client, 'orders', 0, baseOffset)
      expect(fetched.baseOffsets[0]).toBe(baseOffset)
      answered++
    }
    expect(isBlocked).toBe(true)
    // Thousands are answered in a second where nothing waits; a handful would mean that each did.
    expect(answered).toBeGreaterThan(100)
    await released
    client.close()
  } finally {
    const gone = once(child, 'exit')
    child.disconnect()
    await gone
  }
}, 30_000)
