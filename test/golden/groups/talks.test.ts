import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ShareCoordinator } from '../../../src/share/share-coordinator.ts'
import { SHARE_STATE_TOPIC } from '../../../src/share/share-state-records.ts'
import { MemoryGroupPeer } from '../../support/group-peer.ts'
import type { TalkLine } from '../../support/group-talk.ts'
import { tell } from '../../support/group-talk.ts'
import { SHARE_TALKS } from './share-talks.ts'
import { INTERVAL_SETTINGS, INTERVAL_TALKS, TALK_SETTINGS, TALKS } from './talks.ts'

describe.each([
  ...Object.entries(TALKS).map(([file, talks]) => [file, talks, TALK_SETTINGS] as const),
  ...Object.entries(INTERVAL_TALKS).map(([file, talks]) => [file, talks, INTERVAL_SETTINGS] as const),
])('%s groups answer as Apache Kafka does', (file, talks, settings) => {
  const golden = JSON.parse(readFileSync(new URL(`${file}.json`, import.meta.url), 'utf8')) as Record<string, TalkLine[]>

  test.each(talks.map((talk) => [talk.name, talk] as const))('%s', async (name, talk) => {
    expect(await tell(await MemoryGroupPeer.start(settings), talk)).toEqual(golden[name])
  })
})

test.each(SHARE_TALKS.map((talk) => [talk.name, talk] as const))('share groups and the share coordinator answer together as Apache Kafka does: %s', async (name, talk) => {
  const golden = JSON.parse(readFileSync(new URL('share.json', import.meta.url), 'utf8')) as Record<string, TalkLine[]>
  const peer = new MemoryGroupPeer(TALK_SETTINGS)
  const { log, clock, logger } = peer
  const shareCoordinator = new ShareCoordinator({
    log, clock, logger, timers: clock, settings: { updatesPerSnapshot: 500, pruneIntervalMs: 300_000, writeTimeoutMs: 5_000 },
    partitionCount: (topic) => (topic === SHARE_STATE_TOPIC ? 1 : undefined), ensureStateTopic: () => {}, deleteRecords: () => Promise.resolve(),
  })
  await shareCoordinator.load(0, 0)
  peer.shareCoordinator = shareCoordinator
  await peer.restart()
  expect(await tell(peer, talk)).toEqual(golden[name])
})
