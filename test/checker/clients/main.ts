// One client of the workload, in a process of its own so that it can be killed: ROLE NAME IDENTITY PORT SEED DIR.
// It ends when a file named `over` appears in DIR.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../../support/random.ts'
import { reader } from './kafkajs-reader.ts'
import { plainWriter, transactionalWriter } from './kafkajs-writers.ts'
import { recorder } from './setting.ts'
import { committedReader } from './wire-reader.ts'
import { copier, wireWriter } from './wire-writers.ts'

const ROLES = {
  'kafkajs-plain': plainWriter,
  'kafkajs-transactional': transactionalWriter,
  'kafkajs-reader': reader,
  'wire-reader': committedReader,
  'wire-transactional': wireWriter,
  'wire-copier': copier,
} as const

const [role = '', name = '', identity = '', port = '', seed = '', dir = ''] = process.argv.slice(2)
const play = ROLES[role as keyof typeof ROLES]
if (play === undefined) throw new Error(`there is no role ${role}`)
await play({ name, identity, port: Number(port), random: random(Number(seed)), record: recorder(dir, name), isOver: () => existsSync(join(dir, 'over')) })
process.exit(0)
