// Asks a running Apache Kafka for its side of the talks: node test/golden/groups/record.ts HOST:PORT [name…]. Start it with the
// settings that the talks name. The files beside this one are what it said. With `interval` before the names it is asked for
// the talks that want group.consumer.assignment.interval.ms and group.streams.assignment.interval.ms at 1000; for all others
// they are to be 0.

import { readFileSync, writeFileSync } from 'node:fs'
import { BrokerPeer } from '../../support/group-peer.ts'
import { tell } from '../../support/group-talk.ts'
import { INTERVAL_TALKS, TALKS } from './talks.ts'

const [address = '127.0.0.1:9092', ...given] = process.argv.slice(2)
const withInterval = given[0] === 'interval'
const names = withInterval ? given.slice(1) : given
const [host = '', port = ''] = address.split(':')
const peer = new BrokerPeer(host, Number(port))
await peer.prepare()
for (const [file, talks] of Object.entries(withInterval ? INTERVAL_TALKS : TALKS)) {
  const wanted = talks.filter(({ name }) => names.length === 0 || names.includes(name) || names.includes(file))
  if (wanted.length === 0) continue
  const told = await Promise.all(wanted.map(async (talk) => [talk.name, await tell(peer, talk)] as const))
  const path = new URL(`${file}.json`, import.meta.url)
  const before = names.length === 0 ? {} : readJson(path)
  writeFileSync(path, `${JSON.stringify({ ...before, ...Object.fromEntries(told) }, null, 1)}\n`)
  console.log(`${file}: ${told.length} talks`)
}

function readJson(path: URL): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object
  } catch {
    return {}
  }
}
