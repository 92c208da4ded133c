import { defineGroup } from '../command.ts'
import { abort } from './abort.ts'
import { describe } from './describe.ts'
import { list } from './list.ts'

export const transactions = defineGroup('transactions', 'List, describe and abort transactions.', [list, describe, abort])
