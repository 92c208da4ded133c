// A fresh Apache Kafka for as long as something is asked of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './output.ts'
import { freePort } from '../support/free-port.ts'

export async function withKafka<R>(shared: string, settings: Readonly<Record<string, string | number>>, ask: (port: number) => Promise<R>): Promise<R> {
  const kafka = join(shared, 'peer', 'kafka')
  const dir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  const port = await freePort()
  const given = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const started = await output(kafka, ['start', '--port', String(port), '--dir', join(dir, 'kafka'), ...given], false)
  if (started.status !== 0) throw new Error(`Apache Kafka does not start: ${started.text}`)
  try {
    return await ask(port)
  } finally {
    await output(kafka, ['stop', '--dir', join(dir, 'kafka')], false)
    rmSync(dir, { recursive: true, force: true })
  }
}
