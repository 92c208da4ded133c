// `npm run test:compat [names]`: real clients of many languages against a broker, and Kafka's own kafka-dump-log over the
// files it leaves. Both come from a directory beside the project; where it is absent, that is said and nothing is judged.

import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Broker } from '../../src/index.ts'

const SHARED = fileURLToPath(new URL('../../../shared', import.meta.url))
const CLIENTS = ['kafka-python', 'kcat', 'kafkajs', 'aiokafka', 'kafka-go', 'java-tools', 'java-tools24', 'kafka-connect', 'spark', 'storm']

if (!existsSync(join(SHARED, 'clients', 'run-all'))) {
  console.log(`there are no clients in ${SHARED}: skipped\n0 passed, 0 failed, 1 skipped`)
  process.exit(0)
}

const names = process.argv.slice(2)
const dataDir = mkdtempSync(join(tmpdir(), 'millrace-compat-'))
const broker = await Broker.start({ dataDir })
const clients = await output(join(SHARED, 'clients', 'run-all'), [broker.bootstrapServers, ...(names.length > 0 ? names : CLIENTS)], true)
await broker.close()
const count = (pattern: RegExp): number => Number(pattern.exec(clients.text)?.[1] ?? 0)
let [passed, failed] = [count(/^(\d+) passed, \d+ failed$/m), count(/^\d+ passed, (\d+) failed$/m)]
if (passed + failed === 0) failed = 1

const segments = globSync('*/*.log', { cwd: dataDir }).map((name) => join(dataDir, name))
const dumped = await output(join(SHARED, 'peer', 'kafka'), ['tool', 'kafka-dump-log', '--deep-iteration', '--files', segments.join(',')], false)
const isReadable = dumped.status === 0 && !/isvalid: false|Found|Corrupt/i.test(dumped.text)
console.log(`${isReadable ? 'ok' : 'FAIL'} kafka-dump-log: ${segments.length} segments`)
if (isReadable) passed++
else failed++
rmSync(dataDir, { recursive: true })
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function output(command: string, args: readonly string[], isShown: boolean): Promise<{ status: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (isShown) process.stdout.write(chunk)
    })
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, text }))
  })
}
