// Run by `hosts.test.ts` in a process of its own, since hosts belong to the process that makes them: makes two, and prints
// what gets through in each state of the links, and what a full disk says.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './cluster-under-test.ts'
import { NamespaceHosts, intoNamespaces } from './hosts.ts'

const PATIENCE_MS = 1_000
const [dir = ''] = process.argv.slice(2)

if (!intoNamespaces()) {
  console.log('null')
  process.exit(0)
}
const hosts = new NamespaceHosts(4)
const disk = [1, 2].map((node) => hosts.add(node, join(dir, `${node}`)))[0] ?? ''
const { host, port } = hosts.broker(2)

const node = (place: Place, script: string): readonly string[] => (place === 'clients' ? [process.execPath, '-e', script] : hosts.command(place, [process.execPath, '-e', script]))
const [command = '', ...args] = node(2, `require('net').createServer((socket) => socket.end('here')).listen(${port}, '${host}', () => console.log('listens'))`)
const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
await once(server.stdout, 'data')

/** Whether the second node answers somebody; a packet that is lost is not told of. */
function reaches(from: Place): boolean {
  const script = `const socket = require('net').connect(${port}, '${host}'); socket.once('data', () => process.exit(0)); setTimeout(() => process.exit(1), ${PATIENCE_MS})`
  const [ask = '', ...rest] = node(from, script)
  return spawnSync(ask, rest).status === 0
}

const seen: Record<string, unknown> = { open: [reaches(1), reaches('clients')] }
for (const [name, link] of Object.entries({ '1 to 2': { from: 1, to: 2 }, '2 to 1': { from: 2, to: 1 }, '2 to clients': { from: 2, to: 'clients' } } as const)) {
  hosts.cut([link])
  seen[name] = [reaches(1), reaches('clients')]
  hosts.mend([link])
}
seen['mended'] = [reaches(1), reaches('clients')]

const write = (): string => {
  try {
    writeFileSync(`${disk}-written`, Buffer.alloc(1_000_000))
    return 'written'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? ''
  }
}
hosts.fillDisk(1)
seen['full'] = write()
hosts.freeDisk(1)
seen['freed'] = write()
hosts.close(false)
console.log(JSON.stringify(seen))
process.exit(0)
