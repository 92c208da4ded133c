import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MemoryGroupPeer } from '../../support/group-peer.ts'
import type { TalkLine } from '../../support/group-talk.ts'
import { tell } from '../../support/group-talk.ts'
import { TALK_SETTINGS, TALKS } from './talks.ts'

describe.each(Object.entries(TALKS))('%s groups answer as Apache Kafka does', (file, talks) => {
  const golden = JSON.parse(readFileSync(new URL(`${file}.json`, import.meta.url), 'utf8')) as Record<string, TalkLine[]>

  test.each(talks.map((talk) => [talk.name, talk] as const))('%s', async (name, talk) => {
    expect(await tell(await MemoryGroupPeer.start(TALK_SETTINGS), talk)).toEqual(golden[name])
  })
})
