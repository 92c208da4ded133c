// Imports point one way: a part may use what is below it. The table is the architecture; this test keeps it true.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

const BASE = ['shared']
const COORDINATORS = [...BASE, 'config', 'protocol', 'coordinator']
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  config: BASE,
  protocol: BASE,
  native: [...BASE, 'protocol'],
  records: [...BASE, 'native'],
  coordinator: [...BASE, 'protocol'],
  interbroker: [...BASE, 'protocol'],
  metadata: COORDINATORS,
  groups: COORDINATORS,
  share: COORDINATORS,
  transactions: COORDINATORS,
  broker: [...COORDINATORS, 'native', 'interbroker', 'records', 'metadata', 'groups', 'share', 'transactions'],
  console: [],
  admin: [...BASE, 'config', 'protocol', 'native', 'groups', 'broker', 'console'],
  embedded: [...BASE, 'config', 'broker', 'admin'],
  cli: [...BASE, 'config', 'protocol', 'interbroker', 'native', 'records', 'broker', 'admin'],
  index: [...BASE, 'admin', 'embedded'],
}

/** `src/groups/group.ts` is of groups, `src/native.ts` of native. */
const partOf = (path: string): string => relative(SRC, path).split('/')[0]?.replace(/\.ts$/, '') ?? ''

/** Other parts know these of `metadata`: what it holds, and no more. */
const IMAGE = join(SRC, 'metadata', 'cluster-image.ts')
/** The balancer's decisions on plain data, which tools make as well as the controller. */
const BALANCER = join(SRC, 'metadata', 'balancer')

function* importsOf(path: string): Generator<string> {
  for (const [, target = ''] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)) yield resolve(dirname(path), target)
}

test('no import points upwards or sideways', () => {
  const wrong: string[] = []
  for (const name of globSync('**/*.ts', { cwd: SRC })) {
    const path = join(SRC, name)
    const part = partOf(path)
    const allowed = ALLOWED[part]
    if (allowed === undefined) wrong.push(`${name}: ${part} is not in the table`)
    for (const target of importsOf(path)) {
      const used = partOf(target)
      if (used !== part && !allowed?.includes(used) && target !== IMAGE && !(target.startsWith(`${BALANCER}/`) && ['admin', 'cli'].includes(part))) wrong.push(`${name} -> ${relative(SRC, target)}`)
    }
  }
  expect(wrong).toEqual([])
})
