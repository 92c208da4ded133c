import { defineGroup } from '../command.ts'
import { alterTopic } from './alter.ts'
import { createTopicCommand } from './create.ts'
import { deleteTopic } from './delete.ts'
import { describeTopicCommand } from './describe.ts'
import { listTopicsCommand } from './list.ts'

export const topics = defineGroup('topics', 'Create, list, describe, alter and delete topics.', [
  createTopicCommand, listTopicsCommand, describeTopicCommand, alterTopic, deleteTopic,
])
