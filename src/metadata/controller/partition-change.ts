// What becomes of a partition when its replicas, its ISR or the brokers around it change: who leads it then, which replicas
// are in sync, which may lead though they are not (KIP-966), and whether a reassignment is complete with that (KIP-455).
//
// A leader is always in the ISR; the ISR and the eligible leaders are replicas and have no member in common.

import type { Uuid } from '../../shared/uuid.ts'
import type { PartitionImage } from '../cluster-image.ts'
import { bumpsEpochOnIsrShrink, hasDirectories } from './metadata-records.ts'
import type { PartitionChange } from './partition-records.ts'

/** The first replica where that can be; the leader of before or another of the ISR; or any replica where none of those can lead. */
export type Election = 'PREFERRED' | 'ONLINE' | 'UNCLEAN'

/** What holds for the partition beside its own state. */
export type PartitionRules = {
  /** Whether a broker can lead what it keeps in this directory. */
  mayLead(brokerId: number, directory: Uuid): boolean
  /** Where a broker puts a new replica, as far as that is known. */
  directoryFor(brokerId: number): Uuid
  /** Never more than the topic has replicas. */
  readonly minInsyncReplicas: number
  readonly eligibleLeaders: boolean
  readonly metadataVersion: number
}

/** What is wanted of the partition; what is not named stays as it is. */
export type PartitionTarget = {
  readonly replicas?: readonly number[]
  readonly isr?: readonly number[]
  readonly addingReplicas?: readonly number[]
  readonly removingReplicas?: readonly number[]
  readonly leaderRecoveryState?: number
  readonly directories?: ReadonlyMap<number, Uuid>
  /** Brokers that may have lost the end of their log: no eligible leaders. */
  readonly uncleanlyStopped?: readonly number[]
  readonly election?: Election
}

export const NO_LEADER = -1
/** Of `leaderRecoveryState`: what a leader that may lack records is marked with until it has looked after them (KIP-704). */
export const RECOVERED = 0
export const RECOVERING = 1

type Members = { readonly replicas: readonly number[]; readonly isr: readonly number[]; readonly addingReplicas: readonly number[]; readonly removingReplicas: readonly number[] }
type Elected = { readonly leader: number; readonly clean: boolean }

/** The change that leads to what is wanted; undefined where there is nothing to change. */
export function partitionChange(partition: PartitionImage, target: PartitionTarget, rules: PartitionRules): PartitionChange | undefined {
  const members = completeReassignment({
    replicas: target.replicas ?? partition.replicas,
    isr: target.isr ?? partition.isr,
    addingReplicas: target.addingReplicas ?? partition.addingReplicas,
    removingReplicas: target.removingReplicas ?? partition.removingReplicas,
  })
  const { replicas } = members
  const staysPut = replicas === partition.replicas && target.directories === undefined && replicas.length === partition.directories.length
  const directories = staysPut ? partition.directories : replicas.map((replica) => target.directories?.get(replica) ?? directoryOf(partition, replica) ?? rules.directoryFor(replica))
  let eligible = rules.eligibleLeaders ? eligibleLeaders(partition, members, rules.minInsyncReplicas, target.uncleanlyStopped ?? []) : []
  const mayLead = (replica: number): boolean => {
    const place = replicas.indexOf(replica)
    return place >= 0 && rules.mayLead(replica, directories[place] as Uuid)
  }
  const elected = elect(partition, members, eligible, target.election ?? 'ONLINE', mayLead, rules.eligibleLeaders)

  let isr = members.isr
  let leaderRecoveryState = target.leaderRecoveryState ?? partition.leaderRecoveryState
  let leaderChanges = elected.leader !== partition.leader
  if (!elected.clean) {
    leaderChanges = true
    isr = [elected.leader]
    eligible = []
    leaderRecoveryState = RECOVERING
  } else if (eligible.includes(elected.leader)) {
    isr = [elected.leader]
    eligible = eligible.filter((replica) => replica !== elected.leader)
  }
  // Without eligible leaders the ISR is all that says who has every record, so its last member stays.
  if (isr.length === 0 && !rules.eligibleLeaders) isr = partition.isr
  // A replica that is gone must learn that it is, and before 3.6 a leader needed a new epoch to see its ISR shrink (KAFKA-15021).
  const losesMember = partition.isr.some((replica) => !isr.includes(replica))
  leaderChanges ||= partition.replicas.some((replica) => !replicas.includes(replica)) || (losesMember && bumpsEpochOnIsrShrink(rules.metadataVersion))

  const change: { -readonly [Field in keyof PartitionChange]: PartitionChange[Field] } = {}
  if (leaderChanges) change.leader = elected.leader
  if (!isSame(isr, partition.isr)) change.isr = [...isr]
  if (!isSame(replicas, partition.replicas)) change.replicas = [...replicas]
  if (!isSame(members.addingReplicas, partition.addingReplicas)) change.addingReplicas = [...members.addingReplicas]
  if (!isSame(members.removingReplicas, partition.removingReplicas)) change.removingReplicas = [...members.removingReplicas]
  if (!isSame(eligible, partition.eligibleLeaderReplicas)) change.eligibleLeaderReplicas = [...eligible]
  const lastKnownElr = lastKnownLeader(partition, isr, elected.leader, rules.eligibleLeaders)
  if (!isSame(lastKnownElr, partition.lastKnownElr)) change.lastKnownElr = [...lastKnownElr]
  if (leaderRecoveryState !== partition.leaderRecoveryState) change.leaderRecoveryState = leaderRecoveryState
  if (hasDirectories(rules.metadataVersion) && !isSame(directories, partition.directories)) change.directories = [...directories]
  return Object.keys(change).length === 0 ? undefined : change
}

/** Where the partition says that a replica lies; undefined where it does not say, or the broker has none. */
export function directoryOf({ replicas, directories }: PartitionImage, replica: number): Uuid | undefined {
  return directories[replicas.indexOf(replica)]
}

/** Once all replicas that stay are in sync, those that were to go are gone. */
function completeReassignment(members: Members): Members {
  const { addingReplicas, removingReplicas } = members
  if (addingReplicas.length === 0 && removingReplicas.length === 0) return members
  const replicas = members.replicas.filter((replica) => !removingReplicas.includes(replica))
  const isr = members.isr.filter((replica) => !removingReplicas.includes(replica))
  const isComplete = replicas.length > 0 && replicas.every((replica) => isr.includes(replica))
  return isComplete ? { replicas, isr, addingReplicas: [], removingReplicas: [] } : members
}

/** While the ISR is too small to take writes, whoever left it since has all that was acknowledged. */
function eligibleLeaders(partition: PartitionImage, { replicas, isr }: Members, minInsyncReplicas: number, uncleanlyStopped: readonly number[]): readonly number[] {
  if (isr.length >= minInsyncReplicas) return []
  const candidates = [...new Set([...partition.eligibleLeaderReplicas, ...partition.isr])]
  return candidates.filter((replica) => replicas.includes(replica) && !isr.includes(replica) && !uncleanlyStopped.includes(replica))
}

function elect(partition: PartitionImage, { replicas, isr }: Members, eligible: readonly number[], election: Election, mayLead: (replica: number) => boolean, hasEligible: boolean): Elected {
  const hasAllRecords = (replica: number): boolean => isr.includes(replica) || (isr.length === 0 && eligible.includes(replica))
  const isCandidate = (replica: number): boolean => hasAllRecords(replica) && mayLead(replica)
  const [preferred = NO_LEADER] = replicas
  if (election === 'PREFERRED' && isCandidate(preferred)) return { leader: preferred, clean: true }
  if (isCandidate(partition.leader)) return { leader: partition.leader, clean: true }
  const next = replicas.find(isCandidate)
  if (next !== undefined) return { leader: next, clean: true }
  // Nobody is left who is known to have all records; the last leader has the most (KIP-966).
  const [last = NO_LEADER, ...others] = partition.lastKnownElr
  if (hasEligible && isr.length === 0 && eligible.length === 0 && others.length === 0 && mayLead(last)) return { leader: last, clean: false }
  const any = election === 'UNCLEAN' ? replicas.find(mayLead) : undefined
  return any === undefined ? { leader: NO_LEADER, clean: true } : { leader: any, clean: false }
}

/** Who led last, or could have, kept while there is no leader and nobody in sync. */
function lastKnownLeader(partition: PartitionImage, isr: readonly number[], leader: number, hasEligible: boolean): readonly number[] {
  if (leader !== NO_LEADER) return []
  if (!hasEligible || isr.length > 0) return partition.lastKnownElr
  if (partition.leader !== NO_LEADER) return [partition.leader]
  return partition.isr.length === 1 ? partition.isr : partition.lastKnownElr
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}
