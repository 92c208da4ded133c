// Clients of the workload in a process of their own so that they can be killed: ROLE:NAME:IDENTITY[,…] BOOTSTRAP SEED DIR ACKS.
// They end when a file named `over` appears in DIR.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addressesOf } from '../../support/cluster-client.ts'
import { random } from '../../support/random.ts'
import { reader } from './kafkajs-reader.ts'
import { plainWriter, transactionalWriter } from './kafkajs-writers.ts'
import { offsetKeeper } from './offset-keeper.ts'
import { recorder } from './setting.ts'
import { allReader, committedReader } from './wire-reader.ts'
import { copier, idempotentWriter, unrepeatedWriter, wireWriter } from './wire-writers.ts'

const ROLES = {
  'kafkajs-plain': plainWriter,
  'kafkajs-transactional': transactionalWriter,
  'kafkajs-reader': reader,
  'offset-keeper': offsetKeeper,
  'wire-plain': unrepeatedWriter,
  'wire-idempotent': idempotentWriter,
  'wire-reader': committedReader,
  'wire-reader-all': allReader,
  'wire-transactional': wireWriter,
  'wire-copier': copier,
} as const

const [parts = '', bootstrap = '', seed = '', dir = '', acks = ''] = process.argv.slice(2)
await Promise.all(
  parts.split(',').map((part, index) => {
    const [role = '', name = '', identity = ''] = part.split(':')
    const play = ROLES[role as keyof typeof ROLES]
    if (play === undefined) throw new Error(`there is no role ${role}`)
    return play({ name, identity, bootstrap: addressesOf(bootstrap), acks: Number(acks), random: random(Number(seed) + index), record: recorder(dir, name), isOver: () => existsSync(join(dir, 'over')) })
  }),
)
process.exit(0)
