// A whole broker with a topic "jobs" of one partition, and the talk of members of a share group with it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { loadCodec } from '../../src/native.ts'
import type { RecordHeader } from '../../src/native.ts'
import { ERRORS } from '../../src/protocol/error-codes.ts'
import { encodeRecordBatch } from '../../src/records/record-batch.ts'
import { Logging } from '../../src/shared/logger.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { WireClient } from './wire-client.ts'

export const GROUP = 'workers'
export const TOPIC = 'jobs'
export type Acknowledgement = { readonly first: number; readonly last: number; readonly type: number }
export type Fetched = { readonly records: [first: number, last: number, deliveryCount: number][]; readonly acknowledgeError: number }

type Configs = Readonly<Record<string, string>>
const GROUP_RESOURCE = 32
/** A member that asks again until the group's coordinator is there. */
const TO_BE_ASKED_AGAIN: readonly number[] = [ERRORS.COORDINATOR_NOT_AVAILABLE.code, ERRORS.NOT_COORDINATOR.code, ERRORS.COORDINATOR_LOAD_IN_PROGRESS.code]

export class ShareBroker {
  readonly #directory = mkdtempSync(join(tmpdir(), 'millrace-share-'))
  node!: BrokerNode
  client!: WireClient
  topicId!: Uuid

  static async start(topicConfigs: Configs = {}, groupConfigs: Configs = {}): Promise<ShareBroker> {
    const broker = new ShareBroker()
    await broker.#open()
    broker.topicId = await broker.createTopic(TOPIC, topicConfigs)
    await broker.configure(GROUP_RESOURCE, GROUP, { 'share.auto.offset.reset': 'earliest', ...groupConfigs })
    return broker
  }

  async #open(): Promise<void> {
    const values = new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', this.#directory]])
    this.node = await BrokerNode.start({ config: loadBrokerConfig([{ origin: 'test', values }]), logging: new Logging({ level: 'FATAL' }) })
    this.client = await WireClient.connect(this.node.listeners[0]?.port ?? 0)
  }

  async #stop(): Promise<void> {
    this.client.close()
    await this.node.close()
  }

  /** Stops and starts the broker on the same data. */
  async restart(): Promise<void> {
    await this.#stop()
    await this.#open()
  }

  async close(): Promise<void> {
    await this.#stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async createTopic(name: string, configs: Configs): Promise<Uuid> {
    const { topics } = await this.client.call('CreateTopics', 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }], timeoutMs: 5000 })
    expect(topics[0]?.errorMessage ?? null).toBeNull()
    return topics[0]?.topicId as Uuid
  }

  async configure(resourceType: number, resourceName: string, configs: Configs): Promise<void> {
    const { responses } = await this.client.call('IncrementalAlterConfigs', 1, { resources: [{ resourceType, resourceName, configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value })) }] })
    expect(responses[0]?.errorMessage ?? null).toBeNull()
  }

  configureGroup(configs: Configs): Promise<void> {
    return this.configure(GROUP_RESOURCE, GROUP, configs)
  }

  /** Values as one batch of records, all with the same headers. */
  async produce(values: readonly string[], headers: readonly RecordHeader[] = []): Promise<void> {
    const records = encodeRecordBatch(values.map((value) => ({ timestampMs: 1, key: null, value: Buffer.from(value), headers: [...headers] })), 'none', await loadCodec())
    const { responses } = await this.client.call('Produce', 13, { transactionalId: null, acks: -1, timeoutMs: 5000, topicData: [{ topicId: this.topicId, partitionData: [{ index: 0, records }] }] })
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
  }

  /** Joins, until the group's partition is this member's. */
  async join(memberId: string): Promise<void> {
    await this.client.call('FindCoordinator', 6, { keyType: 0, coordinatorKeys: [GROUP] })
    let memberEpoch = 0
    for (;;) {
      const answer = await this.client.call('ShareGroupHeartbeat', 1, { groupId: GROUP, memberId, memberEpoch, rackId: null, subscribedTopicNames: memberEpoch === 0 ? [TOPIC] : null })
      expect([0, ...TO_BE_ASKED_AGAIN]).toContain(answer.errorCode)
      if (answer.errorCode === 0) memberEpoch = answer.memberEpoch
      if ((answer.assignment?.topicPartitions.length ?? 0) > 0) return
    }
  }

  async fetch(memberId: string, shareSessionEpoch: number, acknowledgements: readonly Acknowledgement[] = [], maxWaitMs = 5000): Promise<Fetched> {
    const acknowledgementBatches = acknowledgements.map(({ first, last, type }) => ({ firstOffset: BigInt(first), lastOffset: BigInt(last), acknowledgeTypes: [type] }))
    const answer = await this.client.call('ShareFetch', 1, {
      groupId: GROUP, memberId, shareSessionEpoch, maxWaitMs, minBytes: 1, maxBytes: 1_000_000, maxRecords: 10, batchSize: 10,
      topics: [{ topicId: this.topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }], forgottenTopicsData: [],
    })
    expect(answer.errorCode).toBe(0)
    const partition = answer.responses[0]?.partitions[0]
    expect(partition?.errorCode ?? 0).toBe(0)
    return { records: (partition?.acquiredRecords ?? []).map(({ firstOffset, lastOffset, deliveryCount }) => [Number(firstOffset), Number(lastOffset), deliveryCount]), acknowledgeError: partition?.acknowledgeErrorCode ?? 0 }
  }
}
