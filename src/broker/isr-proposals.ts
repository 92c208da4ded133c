// Carries the ISRs that the data plane proposes to the controller (KIP-497). What is accepted comes back as metadata; what
// is not is told to the data plane, which may then propose again.

import type { DataPlane, DataPlaneEvent } from '../native.ts'
import { errorName, ERRORS } from '../protocol/error-codes.ts'
import type { Logger } from '../shared/logger.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ControllerClient } from './controller-client.ts'

export type IsrProposal = Extract<DataPlaneEvent, { kind: 'isrProposed' }>
export type IsrProposalsDeps = {
  readonly nodeId: number
  brokerEpoch(): bigint
  readonly controller: Pick<ControllerClient, 'call'>
  readonly dataPlane: Pick<DataPlane, 'settleIsr'>
  readonly timers: Timers
  readonly logger: Logger
}

const ALTER_PARTITION_VERSION = 3
const TIMEOUT_MS = 30_000
/** A refusal is not followed by the same proposal at once. */
const BACKOFF_MS = 50
const RECOVERED = 0
/** Of a partition that the answer says nothing of. */
const UNKNOWN = ERRORS.UNKNOWN_SERVER_ERROR.code

export class IsrProposals {
  readonly #deps: IsrProposalsDeps
  #waiting: IsrProposal[] = []
  #isSending = false
  #refusalCount = 0

  constructor(deps: IsrProposalsDeps) {
    this.#deps = deps
  }

  /** Those of one turn of the event loop, and those that come while one request is out, go together. */
  add(proposal: IsrProposal): void {
    this.#waiting.push(proposal)
    if (this.#isSending) return
    this.#isSending = true
    queueMicrotask(() => void this.#sendAll())
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const proposals = this.#waiting
      this.#waiting = []
      const refused = await this.#send(proposals)
      // A timer of its own: another refusal must not take the place of this one.
      if (refused.length > 0) this.#deps.timers.set(`isr-proposals-${this.#refusalCount++}`, BACKOFF_MS, () => this.#settle(refused))
    }
    this.#isSending = false
  }

  /** Resolves with those that came to nothing. */
  async #send(proposals: readonly IsrProposal[]): Promise<readonly IsrProposal[]> {
    const { nodeId, brokerEpoch, controller, logger } = this.#deps
    try {
      const request = { brokerId: nodeId, brokerEpoch: brokerEpoch(), topics: byTopic(proposals) }
      const { errorCode, topics } = await controller.call('AlterPartition', request, { version: ALTER_PARTITION_VERSION, timeoutMs: TIMEOUT_MS, channel: 'isr' })
      const codes = new Map(topics.flatMap(({ topicId, partitions }) => partitions.map((partition) => [keyOf(topicId, partition.partitionIndex), partition.errorCode])))
      const codeOf = ({ topicId, partition }: IsrProposal): number => (errorCode !== 0 ? errorCode : (codes.get(keyOf(topicId, partition)) ?? UNKNOWN))
      const refused = proposals.filter((proposal) => codeOf(proposal) !== 0)
      const [first] = refused
      if (first !== undefined) logger.info('the controller does not take a proposed ISR', { partitions: refused.length, topic: first.topic, partition: first.partition, leaderEpoch: first.leaderEpoch, partitionEpoch: first.partitionEpoch, error: errorName(codeOf(first)) })
      return refused
    } catch (error) {
      logger.warn('cannot propose a change of the ISR', { partitions: proposals.length, error: errorMessage(error) })
      return proposals
    }
  }

  #settle(proposals: readonly IsrProposal[]): void {
    for (const { topic, partition, leaderEpoch, partitionEpoch } of proposals) this.#deps.dataPlane.settleIsr(topic, partition, leaderEpoch, partitionEpoch)
  }
}

function keyOf(topicId: Uuid, partition: number): string {
  return `${topicId}:${partition}`
}

function byTopic(proposals: readonly IsrProposal[]) {
  const topics = new Map<Uuid, IsrProposal[]>()
  for (const proposal of proposals) {
    const others = topics.get(proposal.topicId)
    if (others === undefined) topics.set(proposal.topicId, [proposal])
    else others.push(proposal)
  }
  return [...topics].map(([topicId, of]) => ({
    topicId,
    partitions: of.map(({ partition, leaderEpoch, partitionEpoch, isr }) => ({
      partitionIndex: partition,
      leaderEpoch,
      newIsr: [],
      newIsrWithEpochs: isr.map(({ brokerId, brokerEpoch }) => ({ brokerId, brokerEpoch: BigInt(brokerEpoch) })),
      leaderRecoveryState: RECOVERED,
      partitionEpoch,
    })),
  }))
}
