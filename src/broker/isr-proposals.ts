// Carries the ISRs that the data plane proposes to the controller (KIP-497). What is accepted comes back as metadata; what
// is not is told to the data plane, which may then propose again.

import type { DataPlane, DataPlaneEvent } from '../native.ts'
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
      if (errorCode !== 0) return proposals
      const accepted = new Set(topics.flatMap(({ topicId, partitions }) => partitions.filter((partition) => partition.errorCode === 0).map(({ partitionIndex }) => `${topicId}:${partitionIndex}`)))
      return proposals.filter(({ topicId, partition }) => !accepted.has(`${topicId}:${partition}`))
    } catch (error) {
      logger.warn('cannot propose a change of the ISR', { partitions: proposals.length, error: errorMessage(error) })
      return proposals
    }
  }

  #settle(proposals: readonly IsrProposal[]): void {
    for (const { topic, partition, leaderEpoch, partitionEpoch } of proposals) this.#deps.dataPlane.settleIsr(topic, partition, leaderEpoch, partitionEpoch)
  }
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
