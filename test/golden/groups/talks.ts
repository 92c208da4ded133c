import type { Talk } from '../../support/group-talk.ts'
import { CLASSIC_TALKS } from './classic-talks.ts'

/** All talks, by the file that Kafka's side of them is in. */
export const TALKS: Readonly<Record<string, readonly Talk[]>> = { classic: CLASSIC_TALKS }

/** What both sides are set to. */
export const TALK_SETTINGS = { groupInitialRebalanceDelayMs: 300, groupMinSessionTimeoutMs: 100, groupMaxSize: 4 }
