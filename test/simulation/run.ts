// npm run simulate -- [--seed N] [--seeds COUNT] [--minutes M] [--planted NAME|all] [--trace]

import { parseArgs } from 'node:util'
import { PLANTED } from './planted.ts'
import type { Planted } from './planted.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, seeds: { type: 'string', default: '1' }, minutes: { type: 'string', default: '2' }, planted: { type: 'string' }, trace: { type: 'boolean', default: false } },
})
const [seed, seeds, minutes] = [Number(values.seed), Number(values.seeds), Number(values.minutes)]

async function runSeeds(planted: Planted | undefined): Promise<number | null> {
  for (let each = seed; each < seed + seeds; each++) {
    const beganMs = performance.now()
    const { digest, events, faults, acknowledged, consumed, committed, aborted, fetched, violation, trace } = await simulate({ seed: each, minutes, ...(planted !== undefined && { planted }) })
    const took = ((performance.now() - beganMs) / 1000).toFixed(1)
    if (planted === undefined || violation !== null) console.log(`seed ${each}: ${violation ?? 'holds'} (${events} events, ${faults} faults, ${acknowledged} records acknowledged, ${consumed} consumed, ${committed} offsets committed, ${aborted} aborted, ${fetched} fetched, digest ${digest}, ${took} s)`)
    if (values.trace) console.log(trace)
    if (violation !== null) {
      if (planted === undefined && !values.trace) console.log(trace)
      return each
    }
  }
  return null
}

if (values.planted === undefined) process.exitCode = (await runSeeds(undefined)) === null ? 0 : 1
else {
  const names = PLANTED.filter((name) => values.planted === 'all' || name === values.planted)
  if (names.length === 0) throw new Error(`--planted is one of: ${PLANTED.join('; ')}`)
  for (const name of names) {
    console.log(`\n${name}:`)
    if ((await runSeeds(name)) === null) {
      console.log(`not found in ${seeds} seeds of ${minutes} minutes`)
      process.exitCode = 1
    }
  }
}
