// Makes this node a voter of the metadata quorum by itself, where its settings say so (KIP-853). A node that lost its disk
// is another voter than it used to be, so the former one goes first.

import type { QuorumDescription } from '../metadata/metadata-log.ts'
import { errorName } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import { ZERO_UUID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ControllerClient } from './controller-client.ts'

export type VoterJoiningDeps = {
  readonly nodeId: number
  readonly clusterId: Uuid
  readonly directoryId: Uuid
  /** Where other voters reach this node. */
  readonly listener: { readonly name: string; readonly host: string; readonly port: number }
  describe(): Promise<QuorumDescription>
  readonly controller: Pick<ControllerClient, 'call'>
  readonly timers: Timers
  readonly logger: Logger
}

const RETRY_MS = 3000
const TIMER = 'voter-joining'
const CALL = { version: 0, timeoutMs: 15_000, channel: 'voters' }

export class VoterJoining {
  readonly #deps: VoterJoiningDeps

  constructor(deps: VoterJoiningDeps) {
    this.#deps = deps
  }

  /** Tries until this node is a voter. */
  start(): void {
    void this.#attempt()
  }

  async #attempt(): Promise<void> {
    const { timers, logger } = this.#deps
    try {
      if (await this.#isVoter()) return
    } catch (error) {
      logger.info('cannot become a voter of the metadata quorum yet', { error: errorMessage(error) })
    }
    timers.set(TIMER, RETRY_MS, () => void this.#attempt())
  }

  /** Takes the next step towards it; false while there is more to do. */
  async #isVoter(): Promise<boolean> {
    const { nodeId, clusterId, directoryId, listener, describe, controller, logger } = this.#deps
    const former = (await describe()).replicas.find((replica) => replica.isVoter && replica.nodeId === nodeId)
    // Zero is a voter whose directory nobody has been told yet.
    if (former !== undefined && (former.directoryId === directoryId || former.directoryId === ZERO_UUID)) return true
    if (former !== undefined) {
      const removed = await controller.call('RemoveRaftVoter', { clusterId, voterId: nodeId, voterDirectoryId: former.directoryId }, CALL)
      if (removed.errorCode !== 0) throw new Error(`${errorName(removed.errorCode)}: ${removed.errorMessage}`)
      return false
    }
    const added = await controller.call('AddRaftVoter', { clusterId, timeoutMs: CALL.timeoutMs, voterId: nodeId, voterDirectoryId: directoryId, listeners: [{ ...listener }] }, CALL)
    if (added.errorCode !== 0) throw new Error(`${errorName(added.errorCode)}: ${added.errorMessage}`)
    logger.info('this node votes in the metadata quorum')
    return true
  }
}
