// Asks an Apache Kafka of one node, or of three, for its side of the conversation; it must not have been asked before:
//   node test/golden/controller/record.ts BROKER_PORT CONTROLLER_PORT_OF_THE_LEADER

import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { WireClient } from '../../support/wire-client.ts'
import { converse } from './conversation.ts'

/** Brokers follow their controller, later. */
const SETTLE_MS = 400

const [brokerPort = '9092', controllerPort = '9093'] = process.argv.slice(2)
const broker = await WireClient.connect(Number(brokerPort))
const controller = await WireClient.connect(Number(controllerPort))
const { clusterId } = await broker.call('Metadata', 12, { topics: [], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false })
const answers = await converse({
  clusterId: clusterId ?? '',
  call: (api, version, request) => controller.call(api, version, request),
  pause: () => pause(1000),
  describe: async (topics) => {
    await pause(SETTLE_MS)
    return broker.call('DescribeTopicPartitions', 0, { topics: topics.map((name) => ({ name })), responsePartitionLimit: 2000, cursor: null })
  },
})
broker.close()
controller.close()
const lines = Object.entries(answers).map(([name, answer]) => `${JSON.stringify(name)}: ${JSON.stringify(answer)}`)
writeFileSync(new URL('kafka.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
console.log(`${lines.length} answers`)
