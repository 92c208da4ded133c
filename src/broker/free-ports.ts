// A port that somebody else has is told before anything is written: this broker opens its known ports only once it is part
// of the cluster.

import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Endpoint } from '../config/listeners.ts'
import { MillraceError, errorMessage } from '../shared/errors.ts'

/** Throws a MillraceError in one line where an address cannot be listened on now. */
export async function checkPorts(endpoints: readonly Endpoint[]): Promise<void> {
  for (const { host, port } of endpoints) if (port !== 0) await checkPort(host, port)
}

async function checkPort(host: string, port: number): Promise<void> {
  const server = createServer()
  try {
    server.listen({ port, ...(host === '' ? {} : { host }) })
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'Address already in use' : errorMessage(error)
    throw new MillraceError('LISTEN', `cannot listen on ${host}:${port}: ${why}`, error)
  }
  server.close()
  await once(server, 'close')
}
