// A broker in a process of its own whose event loop can be made to stand still. Run with an IPC channel.

import { Broker } from '../../src/embedded/broker.ts'

const broker = await Broker.start()

process.on('message', (message: { blockMs: number }) => {
  process.send?.({ blocked: true })
  // A turn later, so that the word of it has left.
  setImmediate(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.blockMs)
    process.send?.({ blocked: false })
  })
})
process.on('disconnect', () => void broker.close())
process.send?.({ port: broker.port })
