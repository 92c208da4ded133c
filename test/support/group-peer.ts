// Talks to whatever answers group requests, in the words of the protocol: our coordinator in memory, or a broker at an address.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { GroupCoordinator } from '../../src/groups/group-coordinator.ts'
import { groupHandlers } from '../../src/groups/group-handlers.ts'
import type { GroupConfig, GroupSettings } from '../../src/groups/group-settings.ts'
import { DEFAULT_GROUP_SETTINGS } from '../../src/groups/group-settings.ts'
import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import type { ShareStates } from '../../src/groups/share/share-states.ts'
import type { TopicLookup, TopicSummary } from '../../src/groups/topic-lookup.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import type { Logger } from '../../src/shared/logger.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { randomUuid, ZERO_UUID } from '../../src/shared/uuid.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { FakeShareStates } from './fake-share-states.ts'
import { FakeCoordinatorLog, settled } from './fake-coordinator-log.ts'
import { ManualClock } from './manual-clock.ts'

export interface GroupPeer {
  call<N extends ApiName>(api: N, version: number, body: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
  /** Lets time pass, and everything happen that falls due. */
  pass(durationMs: number): Promise<void>
  topicId(name: string): Uuid
}

/** Topics of the tests: name to partition count. */
export const TEST_TOPICS: Readonly<Record<string, number>> = { alpha: 4, beta: 2, gamma: 1 }
export const CLIENT_ID = 'client'

/** A group coordinator with everything around it in memory; a restart keeps the log. */
export class MemoryGroupPeer implements GroupPeer {
  readonly clock = new ManualClock()
  readonly log = new FakeCoordinatorLog()
  readonly topics = new Map<string, TopicSummary>()
  readonly settings: GroupSettings
  readonly logger: Logger
  coordinator!: GroupCoordinator
  #handlers!: ReturnType<typeof groupHandlers>

  constructor(settings: Partial<GroupSettings> = {}, logger: Logger = silentLogger) {
    this.settings = { ...DEFAULT_GROUP_SETTINGS, ...settings }
    this.logger = logger
    this.log.nowMs = () => this.clock.nowMs()
    for (const [name, partitionCount] of Object.entries({ ...TEST_TOPICS, [OFFSETS_TOPIC]: 1 })) this.addTopic(name, partitionCount)
  }

  static async start(settings: Partial<GroupSettings> = {}, logger: Logger = silentLogger): Promise<MemoryGroupPeer> {
    const peer = new MemoryGroupPeer(settings, logger)
    await peer.restart()
    return peer
  }

  topicsVersion = 1n
  readonly groupConfigs = new Map<string, GroupConfig>()
  readonly shareStates = new FakeShareStates()
  /** Takes the place of `shareStates` from the next restart on. */
  shareCoordinator: ShareStates | null = null
  /** Where each partition of a topic ends; 0 by default. */
  readonly latestOffsets = new Map<string, bigint>()

  addTopic(name: string, partitionCount: number): void {
    this.topicsVersion++
    this.topics.set(name, { name, id: this.topics.get(name)?.id ?? randomUuid(), partitionCount })
  }

  get lookup(): TopicLookup {
    return { byName: (name) => this.topics.get(name), byId: (id) => [...this.topics.values()].find((topic) => topic.id === id), names: () => this.topics.keys(), version: () => this.topicsVersion }
  }

  /** A new coordinator on the same log, as after a move to another broker. */
  async restart(): Promise<void> {
    if (this.coordinator !== undefined) this.coordinator.close()
    const topics = this.lookup
    this.coordinator = new GroupCoordinator({ log: this.log, timers: this.clock, clock: this.clock, logger: this.logger, settings: this.settings, topics, createTopics: (missing) => { for (const { name, partitionCount } of missing) this.addTopic(name, partitionCount) }, groupConfig: (groupId) => this.groupConfigs.get(groupId) ?? {}, shareStates: this.shareCoordinator ?? this.shareStates, latestOffset: (topic) => Promise.resolve(this.latestOffsets.get(topic) ?? 0n) })
    await this.coordinator.load(0, this.log.leaderEpoch)
    this.#handlers = groupHandlers({
      coordinator: this.coordinator, topics,
      ensureInternalTopic: () => {},
      leaderOf: () => ({ nodeId: 1, host: '127.0.0.1', port: 9092 }),
    })
  }

  async call<N extends ApiName>(api: N, version: number, body: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const frame = encodeRequest(api, version, 1, CLIENT_ID, body)
    const request = decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset)
    const handler = (this.#handlers as Record<string, (context: object, request: object) => unknown>)[api]
    if (handler === undefined) throw new Error(`${api} is not served`)
    const response = await handler({ apiVersion: version, clientId: CLIENT_ID, clientAddress: '127.0.0.1', listener: 'PLAINTEXT' }, request) as Encodable<ResponseOf<N>>
    return decodeResponse(api, version, encodeResponse(api, version, 1, response)).body
  }

  async pass(durationMs: number): Promise<void> {
    await settled()
    const step = 50
    for (let passedMs = 0; passedMs < durationMs; passedMs += step) {
      this.clock.advance(Math.min(step, durationMs - passedMs))
      await settled()
    }
    await settled()
  }

  topicId(name: string): Uuid {
    return this.topics.get(name)?.id ?? ZERO_UUID
  }
}

/** A broker at an address. Every call has a connection of its own, so that a parked request holds up no other. */
export class BrokerPeer implements GroupPeer {
  readonly #host: string
  readonly #port: number
  readonly #topicIds = new Map<string, Uuid>()

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  /** Creates the topics of the tests where they are missing. */
  async prepare(): Promise<void> {
    await this.call('CreateTopics', 7, { topics: Object.entries(TEST_TOPICS).map(([name, numPartitions]) => ({ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] })), timeoutMs: 10_000 })
    for (;;) {
      const { coordinators } = await this.call('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['any'] })
      const { topics } = await this.call('Metadata', 12, { topics: Object.keys(TEST_TOPICS).map((name) => ({ topicId: ZERO_UUID, name })) })
      for (const { name, topicId } of topics) if (name !== null) this.#topicIds.set(name, topicId)
      const { groups } = await this.call('DescribeGroups', 5, { groups: Array.from({ length: 50 }, (_, index) => `group-${index}`) })
      const areReady = coordinators[0]?.errorCode === 0 && topics.every((topic) => topic.errorCode === 0) && groups.every((group) => group.errorCode === 0)
      if (areReady) break
      await this.pass(100)
    }
  }

  async call<N extends ApiName>(api: N, version: number, body: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const payload = encodeRequest(api, version, 1, CLIENT_ID, body)
    const socket = connect(this.#port, this.#host)
    try {
      const size = Buffer.alloc(4)
      size.writeInt32BE(payload.length)
      socket.write(Buffer.concat([size, payload]))
      return decodeResponse(api, version, await readFrame(socket)).body
    } finally {
      socket.destroy()
    }
  }

  async pass(durationMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, durationMs))
  }

  topicId(name: string): Uuid {
    return this.#topicIds.get(name) ?? ZERO_UUID
  }
}

function readFrame(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data])
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) resolve(received.subarray(4, 4 + received.readInt32BE(0)))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
  })
}
