// Asks an Apache Kafka that was just started for the first time for its side of one conversation:
//   node test/golden/metadata/record.ts PORT CONVERSATION

import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { WireClient } from '../../support/wire-client.ts'
import { CONVERSATIONS } from './conversations.ts'
import { comparable } from './question.ts'

/** Its brokers follow its controller, later. */
const SETTLE_MS = 300
const READING = /^(Describe|List)/

const [port = '9092', name = ''] = process.argv.slice(2)
const conversation = CONVERSATIONS[name]
if (conversation === undefined) throw new Error(`the conversations are ${Object.keys(CONVERSATIONS).join(', ')}`)
const client = await WireClient.connect(Number(port))
const answers: string[] = []
for (const question of conversation.questions()) {
  const answer = comparable(await client.call(question.api, question.version, question.request), conversation.brief)
  answers.push(`${JSON.stringify(question.name)}: ${JSON.stringify(answer)}`)
  if (!READING.test(question.api)) await pause(SETTLE_MS)
}
client.close()
writeFileSync(new URL(`${name}.json`, import.meta.url), `{\n${answers.join(',\n')}\n}\n`)
console.log(`${name}: ${answers.length} answers`)
