import { defineGroup } from '../command.ts'
import { alterConfigsCommand } from './alter.ts'
import { describeConfigsCommand } from './describe.ts'

export const configs = defineGroup('configs', 'Describe and alter configs of topics, brokers and groups.', [describeConfigsCommand, alterConfigsCommand])
