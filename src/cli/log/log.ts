import { defineGroup } from '../command.ts'
import { dump } from './dump.ts'

export const log = defineGroup('log', 'Look into the files of logs.', [dump])
