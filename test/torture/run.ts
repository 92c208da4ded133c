// `npm run torture`: the full run. Options: --kills 50, --seed N, --flush-on-ack.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { torture } from './kill-and-restart.ts'

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' }, seed: { type: 'string' }, 'flush-on-ack': { type: 'boolean', default: false } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const dataDir = mkdtempSync(join(tmpdir(), 'millrace-torture-'))
console.log(`seed ${seed}`)
const outcome = await torture({ seed, kills: Number(values.kills), dataDir, flushOnAck: values['flush-on-ack'], loadMsMax: 600, progress: (line) => console.log(line) })
console.log(`${outcome.acknowledged} records acknowledged, ${outcome.stored} stored, ${outcome.violations.length} violations`)
for (const violation of outcome.violations.slice(0, 20)) console.log(violation)
if (outcome.violations.length === 0) rmSync(dataDir, { recursive: true })
else console.log(`the data is in ${dataDir}`)
process.exitCode = outcome.violations.length === 0 ? 0 : 1
