import type { Talk } from '../../support/group-talk.ts'
import { CLASSIC_TALKS } from './classic-talks.ts'
import { CONSUMER_TALKS } from './consumer-talks.ts'
import { SHARE_TALKS } from './share-talks.ts'
import { STREAMS_TALKS } from './streams-talks.ts'

/** All talks, by the file that Kafka's side of them is in. */
export const TALKS: Readonly<Record<string, readonly Talk[]>> = { classic: CLASSIC_TALKS, consumer: CONSUMER_TALKS, streams: STREAMS_TALKS, share: SHARE_TALKS }

/** Talks that go otherwise where targets are computed at most once a second, Kafka's default, instead of at once. */
export const INTERVAL_TALKS: Readonly<Record<string, readonly Talk[]>> = {
  'consumer-interval': CONSUMER_TALKS.filter(({ name }) => ['two-consumers', 'range-consumers', 'rebalance-deadline'].includes(name)),
  'streams-interval': STREAMS_TALKS.filter(({ name }) => ['two-streams', 'endpoints'].includes(name)),
}

/** What both sides are set to. */
export const TALK_SETTINGS = { groupInitialRebalanceDelayMs: 300, groupMinSessionTimeoutMs: 100, groupMaxSize: 4, consumerSessionTimeoutMs: 1_000, consumerHeartbeatIntervalMs: 100, streamsSessionTimeoutMs: 1_000, streamsHeartbeatIntervalMs: 100, streamsInitialRebalanceDelayMs: 0, shareSessionTimeoutMs: 1_000, shareHeartbeatIntervalMs: 100, shareAssignmentIntervalMs: 0, consumerAssignmentIntervalMs: 0, streamsAssignmentIntervalMs: 0, shareMaxSize: 4 }

/** What both sides are set to for `INTERVAL_TALKS`. */
export const INTERVAL_SETTINGS = { ...TALK_SETTINGS, consumerAssignmentIntervalMs: 1_000, streamsAssignmentIntervalMs: 1_000 }
