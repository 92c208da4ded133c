// ShareFetch and ShareAcknowledge (KIP-932): sessions, the partitions they read, and the wait for records.

import { ERRORS } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { NodeEndpoint, PartitionLeader, ShareDeliveryDeps } from './share-deps.ts'
import { SharePartitionOwner } from './share-partition-owner.ts'
import type { Delivery } from './share-partition-owner.ts'
import type { Acknowledgement } from './share-partition.ts'
import { FINAL_EPOCH, INITIAL_EPOCH, moveToEnd, partitionName, ShareSessions, updateSession } from './share-sessions.ts'
import type { SessionPartition, ShareSession } from './share-sessions.ts'
import { coordinatorKey } from './share-state-records.ts'

type FetchResponse = Encodable<ResponseOf<'ShareFetch'>>
type FetchedPartition = NonNullable<NonNullable<FetchResponse['responses']>[number]['partitions']>[number]
type AcknowledgeResponse = Encodable<ResponseOf<'ShareAcknowledge'>>
type RequestTopics = RequestOf<'ShareFetch'>['topics']
type Limits = Pick<RequestOf<'ShareFetch'>, 'maxWaitMs' | 'maxBytes' | 'maxRecords' | 'batchSize' | 'shareAcquireMode'>
/** What a response says of a partition, gathered from its parts. */
type Outcome = { readonly at: SessionPartition; error?: ErrorName; acknowledgeError?: ErrorName; delivery?: Delivery; leader?: PartitionLeader }

const NO_RECORDS = new Uint8Array(0)
const NO_LEADER: PartitionLeader = { leaderId: -1, leaderEpoch: -1 }

export class ShareDelivery {
  readonly #deps: ShareDeliveryDeps
  readonly #sessions: ShareSessions
  readonly #owners = new Map<string, SharePartitionOwner>()
  #waitCount = 0
  #closed = false
  readonly #waits = new Set<() => void>()

  constructor(deps: ShareDeliveryDeps) {
    this.#deps = deps
    this.#sessions = new ShareSessions(deps.sessionsMax)
  }

  /** Answers what waits; locks are no longer watched. */
  close(): void {
    this.#closed = true
    for (const end of [...this.#waits]) end()
    for (const owner of this.#owners.values()) owner.close()
    this.#owners.clear()
  }

  /** Gives up what this broker leads no longer, or in another epoch; who waits for it is answered. */
  onLeadersChanged(): void {
    for (const [name, owner] of this.#owners) {
      const { leaderId, leaderEpoch } = this.#deps.leaderOf(owner.topic, owner.partition)
      if (leaderId === this.#deps.nodeId && leaderEpoch === owner.leaderEpoch) continue
      this.#owners.delete(name)
      owner.close()
    }
  }

  async fetch(request: RequestOf<'ShareFetch'>, listener: string): Promise<FetchResponse> {
    const { groupId, memberId, shareSessionEpoch: epoch, topics } = request
    if (!isNamed(groupId) || !isNamed(memberId)) return refused('INVALID_REQUEST')
    const acknowledges = topics.some(({ partitions }) => partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0))
    if (epoch === INITIAL_EPOCH && acknowledges) return refused('INVALID_REQUEST')
    const session = this.#sessions.use(groupId, memberId, epoch)
    if (typeof session === 'string') return refused(session)
    const outcomes = new Map<string, Outcome>()
    const isFinal = epoch === FINAL_EPOCH
    if (!isFinal) updateSession(session, partitionsOf(topics), request.forgottenTopicsData.flatMap(({ topicId, partitions }) => partitions.map((partition) => ({ topicId, partition }))))
    await this.#acknowledgeAll(session, topics, outcomes)
    for (const at of forgottenOf(request)) await this.#leave(session, at)
    if (isFinal) await this.#end(session)
    else if (!request.isRenewAck && mayTake(session, request)) await this.#fetchInto(session, request, outcomes)
    const leaders = this.#leaders(outcomes, listener)
    return { acquisitionLockTimeoutMs: this.#deps.settingsOf(groupId).lockDurationMs, responses: fetchResponses(outcomes), ...leaders }
  }

  async acknowledge(request: RequestOf<'ShareAcknowledge'>, listener: string): Promise<AcknowledgeResponse> {
    const { groupId, memberId, shareSessionEpoch: epoch, topics } = request
    if (!isNamed(groupId) || !isNamed(memberId)) return refused('INVALID_REQUEST')
    if (epoch === INITIAL_EPOCH) return refused('INVALID_SHARE_SESSION_EPOCH')
    const session = this.#sessions.use(groupId, memberId, epoch)
    if (typeof session === 'string') return refused(session)
    const outcomes = new Map<string, Outcome>()
    await this.#acknowledgeAll(session, topics, outcomes)
    if (epoch === FINAL_EPOCH) await this.#end(session)
    const leaders = this.#leaders(outcomes, listener)
    const responses = byTopic(outcomes, ({ at, acknowledgeError = 'NONE', leader = NO_LEADER }) => ({ partitionIndex: at.partition, errorCode: ERRORS[acknowledgeError].code, errorMessage: messageOf(acknowledgeError), currentLeader: leader }))
    return { acquisitionLockTimeoutMs: this.#deps.settingsOf(groupId).lockDurationMs, responses, ...leaders }
  }

  /** Who asked the wrong broker is told the right one, where it is known (KIP-951). */
  #leaders(outcomes: ReadonlyMap<string, Outcome>, listener: string): { nodeEndpoints: NodeEndpoint[] } {
    const endpoints = new Map<number, NodeEndpoint>()
    for (const outcome of outcomes.values()) {
      if (outcome.error !== 'NOT_LEADER_OR_FOLLOWER' && outcome.acknowledgeError !== 'NOT_LEADER_OR_FOLLOWER') continue
      const topic = this.#deps.topicById(outcome.at.topicId)
      if (topic === undefined) continue
      outcome.leader = this.#deps.leaderOf(topic.name, outcome.at.partition)
      const endpoint = this.#deps.endpointOf(outcome.leader.leaderId, listener)
      if (endpoint !== undefined) endpoints.set(endpoint.nodeId, endpoint)
    }
    return { nodeEndpoints: [...endpoints.values()] }
  }

  async #acknowledgeAll(session: ShareSession, topics: RequestTopics, outcomes: Map<string, Outcome>): Promise<void> {
    await Promise.all(topics.flatMap(({ topicId, partitions }) => partitions.flatMap(({ partitionIndex, acknowledgementBatches }) => {
      if (acknowledgementBatches.length === 0) return []
      const at = { topicId, partition: partitionIndex }
      const acknowledged = this.#acknowledge(session, at, acknowledgementBatches.map(acknowledgementOf))
      return acknowledged.then((error) => void (outcomeOf(outcomes, at).acknowledgeError = error))
    })))
  }

  async #acknowledge(session: ShareSession, at: SessionPartition, acknowledgements: readonly Acknowledgement[]): Promise<ErrorName> {
    const owner = this.#ownerOf(session.groupId, at)
    return typeof owner === 'string' ? owner : owner.acknowledge(session.memberId, acknowledgements)
  }

  /** Takes what there is; where there is nothing, waits until there is or the time is up. */
  async #fetchInto(session: ShareSession, limits: Limits, outcomes: Map<string, Outcome>): Promise<void> {
    const deadline = this.#deps.clock.monotonicMs() + limits.maxWaitMs
    for (;;) {
      // Who waits is told of what comes from here on, so that nothing is missed between the look and the wait.
      const wait = this.#waitFor(session, deadline)
      const found = await this.#takeAll(session, limits, outcomes)
      if (found || outcomes.size > 0 || this.#closed || this.#deps.clock.monotonicMs() >= deadline) return wait.end()
      await wait.over
    }
  }

  async #takeAll(session: ShareSession, limits: Limits, outcomes: Map<string, Outcome>): Promise<boolean> {
    let { maxBytes, maxRecords } = limits
    let found = false
    for (const at of [...session.partitions.values()]) {
      if (maxRecords <= 0 || (found && maxBytes <= 0)) break
      const owner = this.#ownerOf(session.groupId, at)
      const taken = typeof owner === 'string' ? owner : await owner.take(session.memberId, { maxBytes, maxRecords, batchSize: limits.batchSize, acquireMode: limits.shareAcquireMode })
      if (taken === null) continue
      if (typeof taken === 'string') {
        outcomeOf(outcomes, at).error = taken
        continue
      }
      outcomeOf(outcomes, at).delivery = taken
      found = true
      maxBytes -= taken.bytes.length
      for (const { firstOffset, lastOffset } of taken.acquired) maxRecords -= lastOffset - firstOffset + 1
      moveToEnd(session, at)
    }
    return found
  }

  #waitFor(session: ShareSession, deadline: number): { readonly over: Promise<void>; end(): void } {
    const { timers, clock } = this.#deps
    const timer = `share-fetch:${++this.#waitCount}`
    let finish = (): void => {}
    const over = new Promise<void>((resolve) => (finish = resolve))
    const endings: (() => void)[] = []
    const end = (): void => {
      timers.cancel(timer)
      this.#waits.delete(end)
      for (const ending of endings.splice(0)) ending()
      finish()
    }
    this.#waits.add(end)
    for (const at of session.partitions.values()) {
      const owner = this.#ownerOf(session.groupId, at)
      if (typeof owner !== 'string') endings.push(owner.onAvailable(end))
    }
    timers.set(timer, Math.max(deadline - clock.monotonicMs(), 0), end)
    return { over, end }
  }

  #ownerOf(groupId: string, { topicId, partition }: SessionPartition): SharePartitionOwner | ErrorName {
    const topic = this.#deps.topicById(topicId)
    if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
    if (partition < 0 || partition >= topic.partitionCount) return 'UNKNOWN_TOPIC_OR_PARTITION'
    const { leaderId, leaderEpoch } = this.#deps.leaderOf(topic.name, partition)
    if (leaderId !== this.#deps.nodeId) return 'NOT_LEADER_OR_FOLLOWER'
    const key = { groupId, topicId, partition }
    const name = coordinatorKey(key)
    const known = this.#owners.get(name)
    if (known?.leaderEpoch === leaderEpoch) return known
    known?.close()
    const owner = new SharePartitionOwner(this.#deps, key, topic.name, leaderEpoch)
    this.#owners.set(name, owner)
    return owner
  }

  /** The member reads nothing any more; what it has goes back. */
  async #end(session: ShareSession): Promise<void> {
    this.#sessions.end(session)
    await Promise.all([...session.partitions.values()].map((at) => this.#leave(session, at)))
  }

  /** A partition that nobody reads is forgotten, so that its state is read anew when somebody does: tools may have changed it. */
  async #leave({ groupId, memberId }: ShareSession, at: SessionPartition): Promise<void> {
    const name = coordinatorKey({ groupId, ...at })
    const owner = this.#owners.get(name)
    if (owner === undefined) return
    await owner.release(memberId)
    if (this.#sessions.isRead(groupId, at) || this.#owners.get(name) !== owner) return
    this.#owners.delete(name)
    owner.close()
  }
}

/** Who reads nothing, or wants nothing of it, does not wait for records. */
function mayTake({ partitions }: ShareSession, { maxRecords, maxBytes }: Limits): boolean {
  return partitions.size > 0 && maxRecords > 0 && maxBytes > 0
}

function isNamed(id: string | null): id is string {
  return id !== null && id !== ''
}

function refused(error: ErrorName): { errorCode: number; errorMessage: string; responses: [] } {
  return { errorCode: ERRORS[error].code, errorMessage: ERRORS[error].message, responses: [] }
}

function messageOf(error: ErrorName): string | null {
  return error === 'NONE' ? null : ERRORS[error].message
}

function partitionsOf(topics: RequestTopics): SessionPartition[] {
  return topics.flatMap(({ topicId, partitions }) => partitions.map(({ partitionIndex }) => ({ topicId, partition: partitionIndex })))
}

function forgottenOf({ forgottenTopicsData }: RequestOf<'ShareFetch'>): SessionPartition[] {
  return forgottenTopicsData.flatMap(({ topicId, partitions }) => partitions.map((partition) => ({ topicId, partition })))
}

function acknowledgementOf({ firstOffset, lastOffset, acknowledgeTypes }: { firstOffset: bigint; lastOffset: bigint; acknowledgeTypes: number[] }): Acknowledgement {
  return { firstOffset: Number(firstOffset), lastOffset: Number(lastOffset), types: acknowledgeTypes }
}

function outcomeOf(outcomes: Map<string, Outcome>, at: SessionPartition): Outcome {
  const name = partitionName(at)
  let outcome = outcomes.get(name)
  if (outcome === undefined) outcomes.set(name, (outcome = { at }))
  return outcome
}

function fetchResponses(outcomes: ReadonlyMap<string, Outcome>): NonNullable<FetchResponse['responses']> {
  return byTopic(outcomes, ({ at, error = 'NONE', acknowledgeError = 'NONE', delivery, leader = NO_LEADER }): FetchedPartition => ({
    partitionIndex: at.partition,
    errorCode: ERRORS[error].code,
    errorMessage: messageOf(error),
    acknowledgeErrorCode: ERRORS[acknowledgeError].code,
    acknowledgeErrorMessage: messageOf(acknowledgeError),
    currentLeader: leader,
    records: delivery?.bytes ?? NO_RECORDS,
    acquiredRecords: (delivery?.acquired ?? []).map(({ firstOffset, lastOffset, deliveryCount }) => ({ firstOffset: BigInt(firstOffset), lastOffset: BigInt(lastOffset), deliveryCount })),
  }))
}

function byTopic<P>(outcomes: ReadonlyMap<string, Outcome>, view: (outcome: Outcome) => P): { topicId: Uuid; partitions: P[] }[] {
  const topics = new Map<Uuid, P[]>()
  for (const outcome of outcomes.values()) {
    const partitions = topics.get(outcome.at.topicId)
    if (partitions === undefined) topics.set(outcome.at.topicId, [view(outcome)])
    else partitions.push(view(outcome))
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
