import { defineGroup } from '../command.ts'
import { deleteGroup } from './delete.ts'
import { describeGroupCommand } from './describe.ts'
import { listGroupsCommand } from './list.ts'
import { resetOffsets } from './reset-offsets.ts'

export const groups = defineGroup('groups', 'List, describe and delete consumer groups, reset their offsets.', [listGroupsCommand, describeGroupCommand, resetOffsets, deleteGroup])
