// What a partition becomes: state and wish in, the fields of the record out.

import { expect, test } from 'vitest'
import { partitionChange } from '../../../../src/metadata/controller/partition-change.ts'
import type { PartitionTarget } from '../../../../src/metadata/controller/partition-change.ts'
import type { PartitionChange } from '../../../../src/metadata/controller/partition-records.ts'
import { dirOf, partition } from '../../../support/cluster-images.ts'
import type { PartitionOf } from '../../../support/cluster-images.ts'

type Case = {
  readonly state?: PartitionOf
  readonly target: PartitionTarget
  /** Brokers that may lead; all where none are named. */
  readonly up?: readonly number[]
  readonly minInsyncReplicas?: number
  readonly metadataVersion?: number
  /** Undefined for no change; with and without eligible leaders where the two do not differ. */
  readonly expected: PartitionChange | undefined
  readonly withoutElr?: PartitionChange | undefined
}

const CASES: Record<string, Case> = {
  'nothing wanted, nothing changed': { target: {}, expected: undefined },
  'an ISR shrinks without a new leader epoch': { target: { isr: [1, 2] }, expected: { isr: [1, 2] } },
  'an ISR shrinks with a new leader epoch before 3.6': { target: { isr: [1, 2] }, metadataVersion: 11, expected: { isr: [1, 2], leader: 1 } },
  'an ISR grows without a new leader epoch before 3.6': { state: { isr: [1, 2] }, target: { isr: [1, 2, 3] }, metadataVersion: 11, expected: { isr: [1, 2, 3] } },
  'the leader goes: the next of the ISR in order of the replicas leads': { state: { replicas: [3, 1, 2], isr: [2, 1, 3] }, target: { isr: [2, 1] }, up: [1, 2], expected: { isr: [2, 1], leader: 1 } },
  'a leader that can stay stays, whoever is preferred': { state: { leader: 2 }, target: {}, expected: undefined },
  'the preferred replica leads where that is asked for': { state: { leader: 2 }, target: { election: 'PREFERRED' }, expected: { leader: 1 } },
  'the preferred replica does not lead out of sync': { state: { leader: 2, isr: [2, 3] }, target: { election: 'PREFERRED' }, expected: undefined },
  'the last in sync goes': {
    state: { isr: [1] }, target: { isr: [] }, up: [2, 3],
    expected: { leader: -1, isr: [], eligibleLeaderReplicas: [1], lastKnownElr: [1] }, withoutElr: { leader: -1 },
  },
  'below min.insync.replicas who leaves stays eligible': {
    state: { isr: [1, 2] }, target: { isr: [1] }, minInsyncReplicas: 2,
    expected: { isr: [1], eligibleLeaderReplicas: [2] }, withoutElr: { isr: [1] },
  },
  'an eligible leader leads where nobody is in sync': {
    state: { leader: -1, isr: [], eligibleLeaderReplicas: [2, 1], lastKnownElr: [1] }, target: {}, up: [2, 3],
    expected: { leader: 2, isr: [2], eligibleLeaderReplicas: [1], lastKnownElr: [] },
    withoutElr: { eligibleLeaderReplicas: [] },
  },
  'an eligible leader does not lead while somebody is in sync': {
    state: { leader: -1, isr: [1], eligibleLeaderReplicas: [2] }, target: {}, up: [2, 3], minInsyncReplicas: 2,
    expected: undefined, withoutElr: { eligibleLeaderReplicas: [] },
  },
  'an ISR that is large enough ends eligibility': {
    state: { isr: [1], eligibleLeaderReplicas: [2, 3] }, target: { isr: [1, 2] }, minInsyncReplicas: 2,
    expected: { isr: [1, 2], eligibleLeaderReplicas: [] },
  },
  'after an unclean stop nobody is eligible': {
    state: { leader: -1, isr: [], eligibleLeaderReplicas: [1, 2], lastKnownElr: [1] }, target: { uncleanlyStopped: [1] }, up: [3], minInsyncReplicas: 2,
    expected: { eligibleLeaderReplicas: [2] }, withoutElr: { eligibleLeaderReplicas: [] },
  },
  'where nobody is eligible the last leader leads, to be recovered': {
    state: { leader: -1, isr: [], lastKnownElr: [1] }, target: {},
    expected: { leader: 1, isr: [1], lastKnownElr: [], leaderRecoveryState: 1 }, withoutElr: undefined,
  },
  'the last leader does not lead while it is down': { state: { leader: -1, isr: [], lastKnownElr: [1] }, target: {}, up: [2, 3], expected: undefined },
  'an unclean election takes whom it finds, in order': {
    state: { leader: -1, isr: [1] }, target: { election: 'UNCLEAN' }, up: [3, 2],
    expected: { leader: 2, isr: [2], leaderRecoveryState: 1 },
  },
  'an unclean election is clean where it can be': { state: { leader: -1, isr: [3] }, target: { election: 'UNCLEAN' }, expected: { leader: 3 } },
  'nobody is left': { target: { isr: [2, 3] }, up: [], expected: { isr: [2, 3], leader: -1 } },
  'a leader that has looked after its records is recovered': { state: { leaderRecoveryState: 1 }, target: { leaderRecoveryState: 0 }, expected: { leaderRecoveryState: 0 } },
  'a reassignment begins': {
    target: { replicas: [4, 1, 2, 3], addingReplicas: [4], removingReplicas: [2, 3] },
    expected: { replicas: [4, 1, 2, 3], addingReplicas: [4], removingReplicas: [2, 3], directories: [4, 1, 2, 3].map(dirOf) },
  },
  'a reassignment begins before the metadata has directories': {
    target: { replicas: [4, 1, 2, 3], addingReplicas: [4], removingReplicas: [2, 3] }, metadataVersion: 16,
    expected: { replicas: [4, 1, 2, 3], addingReplicas: [4], removingReplicas: [2, 3] },
  },
  'a reassignment waits for all that are added': {
    state: { replicas: [4, 5, 1, 2], leader: 1, isr: [1, 2], addingReplicas: [4, 5], removingReplicas: [1, 2] }, target: { isr: [1, 2, 4] },
    expected: { isr: [1, 2, 4] },
  },
  'a reassignment is complete, and its leader is among those that go': {
    state: { replicas: [4, 5, 1, 2], leader: 1, isr: [1, 2, 4], addingReplicas: [4, 5], removingReplicas: [1, 2] }, target: { isr: [1, 2, 4, 5] },
    expected: { replicas: [4, 5], isr: [4, 5], leader: 4, addingReplicas: [], removingReplicas: [], directories: [4, 5].map(dirOf) },
  },
  'a reassignment is complete, and its leader stays, in a new epoch since others went': {
    state: { replicas: [4, 1, 2], leader: 1, isr: [1, 2], addingReplicas: [4], removingReplicas: [2] }, target: { isr: [1, 2, 4] },
    expected: { replicas: [4, 1], isr: [1, 4], leader: 1, addingReplicas: [], removingReplicas: [], directories: [4, 1].map(dirOf) },
  },
  'who is no replica any more is not eligible': {
    state: { replicas: [4, 1, 2], leader: 1, isr: [1, 2], addingReplicas: [4], removingReplicas: [2] }, target: { isr: [1, 2, 4] }, minInsyncReplicas: 3,
    expected: { replicas: [4, 1], isr: [1, 4], leader: 1, addingReplicas: [], removingReplicas: [], directories: [4, 1].map(dirOf) },
  },
  'a replica only changes its place': { target: { replicas: [2, 1, 3] }, expected: { replicas: [2, 1, 3], directories: [2, 1, 3].map(dirOf) } },
  'a replica is in another directory': { target: { directories: new Map([[2, dirOf(9)]]) }, expected: { directories: [dirOf(1), dirOf(9), dirOf(3)] } },
}

function run({ state, target, up, minInsyncReplicas = 1, metadataVersion = 30 }: Case, eligibleLeaders: boolean): PartitionChange | undefined {
  return partitionChange({ index: 0, ...partition(state) }, target, {
    mayLead: (id) => up === undefined || up.includes(id),
    directoryFor: dirOf,
    minInsyncReplicas,
    eligibleLeaders,
    metadataVersion,
  })
}

test.each(Object.entries(CASES))('%s', (_name, each) => {
  if ((each.metadataVersion ?? 30) >= 23) expect(run(each, true)).toEqual(each.expected)
  expect(run(each, false)).toEqual('withoutElr' in each ? each.withoutElr : each.expected)
})
