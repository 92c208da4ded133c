// A conversation with an active controller, in which brokers that exist only here register, send heartbeats, report ISRs
// and fall out: the same with Apache Kafka and with this controller. After each step it is asked what became of partitions.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { errorName } from '../../../src/protocol/error-codes.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { idOf } from '../../support/cluster-images.ts'

/** Who is talked to: its controller, or any broker that has followed it. */
export interface Peer {
  readonly clusterId: string
  call<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
  describe(topics: readonly string[]): Promise<ResponseOf<'DescribeTopicPartitions'>>
  /** A second goes by. */
  pause(): Promise<void>
}

const FAR_OFFSET = 1_000_000_000n
const FEATURES = ['kraft.version', 'transaction.version', 'group.version', 'share.version', 'streams.version', 'eligible.leader.replicas.version']
/** Kafka's default of broker.session.timeout.ms, and a little more. */
const SESSION_SECONDS = 11
/** Time in which brokers that are up have told that they follow the metadata. */
const FOLLOWED_SECONDS = 4

/** Everything that was answered, by the name of the step. */
export async function converse(peer: Peer): Promise<Record<string, unknown>> {
  const talk = new Talk(peer)
  await registrations(talk)
  await isrs(talk)
  await failures(talk)
  await elections(talk)
  await reassignments(talk)
  await shutdowns(talk)
  await rest(talk)
  return talk.answers
}

type Run = { epoch: bigint; incarnation: string; beats: boolean; wantsShutDown: boolean }

class Talk {
  readonly answers: Record<string, unknown> = {}
  readonly runs = new Map<number, Run>()
  readonly topicIds = new Map<string, Uuid>()
  /** Topics whose state is told. */
  shown: readonly string[] = ['t', 'one', 'two']
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  get clusterId(): string {
    return this.#peer.clusterId
  }

  async step<N extends ApiName>(name: string, api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    if (name in this.answers) throw new Error(`two steps are called ${name}`)
    await this.#beatAll()
    const response = await this.#peer.call(api, version, request)
    this.answers[name] = comparable(response)
    return response
  }

  /** Who was not heard for a session has failed. */
  async wait(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.#peer.pause()
      await this.#beatAll()
    }
  }

  async #beatAll(): Promise<void> {
    for (const [id, { beats, wantsShutDown }] of this.runs) if (beats) await this.#peer.call('BrokerHeartbeat', 1, this.beatOf(id, { wantShutDown: wantsShutDown }))
  }

  async state(name: string): Promise<void> {
    const { topics } = await this.#peer.describe(this.shown.filter((topic) => this.topicIds.has(topic)))
    const view = topics.map(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes, eligibleLeaderReplicas, lastKnownElr, offlineReplicas }) =>
        `${topic}-${partitionIndex}: leader ${leaderId} epoch ${leaderEpoch} replicas ${replicaNodes} isr ${isrNodes} elr ${sorted(eligibleLeaderReplicas)} last ${sorted(lastKnownElr)} offline ${offlineReplicas}`,
      ),
    )
    this.answers[`${name}: then`] = view.flat()
  }

  beatOf(brokerId: number, change: Partial<RequestOf<'BrokerHeartbeat'>> = {}): RequestOf<'BrokerHeartbeat'> {
    return { brokerId, brokerEpoch: this.runs.get(brokerId)?.epoch ?? 7n, currentMetadataOffset: FAR_OFFSET, wantFence: false, wantShutDown: false, offlineLogDirs: [], cordonedLogDirs: null, ...change }
  }

  async beat(name: string, brokerId: number, change: Partial<RequestOf<'BrokerHeartbeat'>> = {}): Promise<void> {
    const { shouldShutDown } = await this.step(name, 'BrokerHeartbeat', 1, this.beatOf(brokerId, change))
    const run = this.runs.get(brokerId)
    if (run === undefined) return
    run.beats = !(change.wantFence ?? false) && !shouldShutDown
    run.wantsShutDown = change.wantShutDown ?? false
  }

  async register(name: string, brokerId: number, incarnation: string, change: Partial<RequestOf<'BrokerRegistration'>> = {}): Promise<void> {
    const before = this.runs.get(brokerId)
    const { errorCode, brokerEpoch } = await this.step(name, 'BrokerRegistration', 4, {
      brokerId,
      clusterId: this.clusterId,
      incarnationId: idOf(incarnation),
      listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 1000 + brokerId, securityProtocol: 0 }],
      features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 99 }, ...FEATURES.map((each) => ({ name: each, minSupportedVersion: 0, maxSupportedVersion: 9 }))],
      rack: null,
      isMigratingZkBroker: false,
      logDirs: [dir(brokerId)],
      previousBrokerEpoch: -1n,
      ...change,
    })
    if (errorCode !== 0) return
    if (before?.incarnation === incarnation) this.answers[`${name}: same epoch`] = before.epoch === brokerEpoch
    this.runs.set(brokerId, { epoch: brokerEpoch, incarnation, beats: false, wantsShutDown: false })
  }

  /** A broker that is up, whatever it was. */
  async start(name: string, brokerId: number, incarnation: string, change: Partial<RequestOf<'BrokerRegistration'>> = {}): Promise<void> {
    await this.register(`${name}: registers`, brokerId, incarnation, change)
    await this.beat(`${name}: is unfenced`, brokerId)
  }

  async create(name: string, topic: string, assignments: readonly number[][], configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const { topics } = await this.step(name, 'CreateTopics', 7, {
      topics: [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments: assignments.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })), configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }],
      timeoutMs: 10_000,
      validateOnly: false,
    })
    const created = topics[0]
    if (created !== undefined && created.errorCode === 0) this.topicIds.set(topic, created.topicId)
  }

  /** As the leader says, or as it is given. */
  async alter(name: string, from: number, topic: string, partitionIndex: number, leaderEpoch: number, partitionEpoch: number, isr: readonly number[], change: { recovering?: boolean; epochs?: Readonly<Record<number, bigint>>; version?: number } = {}): Promise<void> {
    const { recovering = false, epochs = {}, version = 3 } = change
    await this.step(name, 'AlterPartition', version, {
      brokerId: from,
      brokerEpoch: this.runs.get(from)?.epoch ?? 7n,
      topics: [{
        topicId: this.topicIds.get(topic) ?? idOf('no such topic'),
        partitions: [{
          partitionIndex, leaderEpoch, partitionEpoch, leaderRecoveryState: recovering ? 1 : 0,
          newIsr: version < 3 ? [...isr] : [],
          newIsrWithEpochs: version < 3 ? [] : isr.map((brokerId) => ({ brokerId, brokerEpoch: epochs[brokerId] ?? this.runs.get(brokerId)?.epoch ?? -1n })),
        }],
      }],
    })
  }

  async reassign(name: string, topic: string, partitionIndex: number, replicas: readonly number[] | null, allowReplicationFactorChange = true): Promise<void> {
    await this.step(name, 'AlterPartitionReassignments', 1, { timeoutMs: 10_000, allowReplicationFactorChange, topics: [{ name: topic, partitions: [{ partitionIndex, replicas: replicas && [...replicas] }] }] })
    await this.state(name)
  }

  async elect(name: string, electionType: number, topic: string, partition: number): Promise<void> {
    await this.step(name, 'ElectLeaders', 2, { electionType, topicPartitions: [{ topic, partitions: [partition] }], timeoutMs: 10_000 })
    await this.state(name)
  }

  async configure(name: string, topic: string, key: string, value: string): Promise<void> {
    await this.step(name, 'IncrementalAlterConfigs', 1, { resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: key, configOperation: 0, value }] }], validateOnly: false })
    await this.state(name)
  }
}

const dir = (broker: number): Uuid => idOf(`dir ${broker}`)

async function registrations(talk: Talk): Promise<void> {
  await talk.register('another cluster', 11, 'r1', { clusterId: idOf('other cluster') })
  await talk.register('no directory', 11, 'r1', { logDirs: [] })
  await talk.register('a reserved directory', 11, 'r1', { logDirs: [ZERO_UUID] })
  await talk.register('a directory twice', 11, 'r1', { logDirs: [dir(11), dir(11)] })
  await talk.register('no features', 11, 'r1', { features: [] })
  await talk.register('from ZooKeeper', 11, 'r1', { isMigratingZkBroker: true })
  await talk.register('a broker', 11, 'r1')
  await talk.register('the same again', 11, 'r1')
  await talk.register("another's directory", 12, 'r1', { logDirs: [dir(11)] })
  await talk.beat('a broker nobody knows', 19)
  await talk.beat('behind', 11, { currentMetadataOffset: 0n, wantFence: false })
  await talk.beat('wants to stay fenced', 11, { wantFence: true })
  await talk.step('with another epoch', 'BrokerHeartbeat', 1, talk.beatOf(11, { brokerEpoch: 3n }))
  await talk.beat('has caught up', 11)
  await talk.register('another process while it is alive', 11, 'r2', { logDirs: [dir(15)] })
  for (const id of [12, 13, 14]) await talk.start(`broker ${id}`, id, 'r1')
}

async function isrs(talk: Talk): Promise<void> {
  await talk.create('topic t', 't', [[11, 12, 13], [12, 13, 11]])
  await talk.create('topic one', 'one', [[13]])
  await talk.create('topic two', 'two', [[11, 12], [12, 11]], { 'min.insync.replicas': '2' })
  await talk.create('with a broker nobody knows', 'x', [[11, 19]])
  await talk.create('with a broker twice', 'x', [[11, 11]])
  await talk.state('topics')
  await talk.alter('shrink', 11, 't', 0, 0, 0, [11, 12])
  await talk.alter('an older partition epoch', 11, 't', 0, 0, 0, [11, 12, 13])
  await talk.alter('a newer partition epoch', 11, 't', 0, 0, 2, [11, 12, 13])
  await talk.alter('a newer leader epoch', 11, 't', 0, 1, 1, [11, 12, 13])
  await talk.alter('an older leader epoch', 11, 't', 0, -1, 1, [11, 12, 13])
  await talk.alter('not the leader', 12, 't', 0, 0, 1, [11, 12, 13])
  await talk.alter('without the leader', 11, 't', 0, 0, 1, [12, 13])
  await talk.alter('no member', 11, 't', 0, 0, 1, [])
  await talk.alter('no replica', 11, 't', 0, 0, 1, [11, 12, 14])
  await talk.alter('twice', 11, 't', 0, 0, 1, [11, 12, 12])
  await talk.alter('recovering', 11, 't', 0, 0, 1, [11], { recovering: true })
  await talk.alter('an older broker epoch', 11, 't', 0, 0, 1, [11, 12, 13], { epochs: { 13: 3n } })
  await talk.alter('an unknown broker epoch', 11, 't', 0, 0, 1, [11, 12, 13], { epochs: { 13: -1n } })
  await talk.alter('nothing new', 11, 't', 0, 0, 2, [11, 12, 13])
  await talk.alter('before epochs of brokers', 11, 't', 0, 0, 2, [11, 12], { version: 2 })
  await talk.alter('grow', 11, 't', 0, 0, 3, [11, 12, 13])
  await talk.alter('no such partition', 11, 't', 9, 0, 0, [11])
  await talk.alter('no such topic', 11, 'nope', 0, 0, 0, [11])
  await talk.alter('a leader nobody knows', 19, 't', 0, 0, 4, [11])
  await talk.alter('below min.insync.replicas', 11, 'two', 0, 0, 0, [11])
  await talk.state('ISRs')
}

async function failures(talk: Talk): Promise<void> {
  await talk.beat('11 wants to be fenced', 11, { wantFence: true })
  await talk.state('11 wants to be fenced')
  await talk.beat('13 wants to be fenced', 13, { wantFence: true })
  await talk.state('13 wants to be fenced')
  await talk.alter('a member that is fenced', 12, 't', 0, 1, 6, [12, 13])
  await talk.beat('12 wants to be fenced', 12, { wantFence: true })
  await talk.state('12 wants to be fenced')
  await talk.beat('13 is back', 13)
  await talk.state('13 is back')
  await talk.beat('11 is back', 11)
  await talk.state('11 is back')
  await talk.wait(SESSION_SECONDS)
  await talk.register('12 registers after a clean stop', 12, 'r2', { previousBrokerEpoch: talk.runs.get(12)?.epoch ?? 0n })
  await talk.state('12 registers after a clean stop')
  await talk.beat('12 is back', 12)
  await talk.state('12 is back')
  await talk.beat('13 is fenced again', 13, { wantFence: true })
  await talk.wait(SESSION_SECONDS)
  await talk.register('13 registers after an unclean stop', 13, 'r2')
  await talk.state('13 registers after an unclean stop')
  await talk.start('13 after an unclean stop', 13, 'r2')
  await talk.state('13 after an unclean stop')
}

async function elections(talk: Talk): Promise<void> {
  await talk.elect('preferred, not needed', 0, 'one', 0)
  await talk.elect('preferred, not in sync', 0, 't', 0)
  await talk.elect('unclean, not needed', 1, 't', 0)
  await talk.elect('of no topic', 0, 'nope', 0)
  await talk.elect('of no partition', 0, 't', 9)
  await talk.step('of no type', 'ElectLeaders', 2, { electionType: 7, topicPartitions: [{ topic: 't', partitions: [0] }], timeoutMs: 10_000 })
}

async function reassignments(talk: Talk): Promise<void> {
  await talk.create('topic r', 'r', [[11, 12]])
  await talk.reassign('nothing to cancel', 'r', 0, null)
  await talk.reassign('to nobody', 'r', 0, [])
  await talk.reassign('to a broker nobody knows', 'r', 0, [11, 19])
  await talk.reassign('to a broker twice', 'r', 0, [11, 11])
  await talk.reassign('of no topic of that name', 'nope', 0, [11])
  await talk.reassign('of no partition of that index', 'r', 9, [11])
  await talk.reassign('to more, which is not allowed', 'r', 0, [11, 12, 13], false)
  talk.shown = ['r']
  await talk.reassign('in another order', 'r', 0, [12, 11])
  await talk.reassign('as it is', 'r', 0, [12, 11])
  await talk.reassign('to two others', 'r', 0, [13, 14])
  await talk.step('under way', 'ListPartitionReassignments', 0, { timeoutMs: 1000, topics: null })
  await talk.alter('one of them is in sync', 11, 'r', 0, 0, 2, [11, 12, 13])
  await talk.state('one of them is in sync')
  await talk.reassign('another while it is under way', 'r', 0, [14, 11])
  await talk.step('another under way', 'ListPartitionReassignments', 0, { timeoutMs: 1000, topics: null })
  await talk.reassign('back', 'r', 0, null)
  await talk.reassign('once more', 'r', 0, [14])
  await talk.reassign('and back', 'r', 0, null)
  await talk.reassign('to one that is in sync', 'r', 0, [12])
  await talk.reassign('to one that is not', 'r', 0, [13])
  await talk.alter('which then is, and leads', 12, 'r', 0, 3, 9, [12, 13])
  await talk.state('which then is, and leads')
}

async function shutdowns(talk: Talk): Promise<void> {
  await talk.create('topic s', 's', [[11, 12], [12, 11], [11, 14]])
  talk.shown = ['s']
  await talk.beat('11 wants to stop', 11, { wantShutDown: true })
  await talk.state('11 wants to stop')
  await talk.alter('a member on its way out', 12, 's', 1, 0, 1, [12, 11])
  await talk.create('with brokers on their way out', 'x', [[11]])
  await talk.beat('11 still wants to stop', 11, { wantShutDown: true })
  await talk.state('11 still wants to stop')
  await talk.wait(FOLLOWED_SECONDS)
  await talk.beat('11 wants to stop, and has', 11, { wantShutDown: true })
  await talk.create('with brokers that are fenced', 'x', [[11]])
  await talk.beat('14 leads nothing and wants to stop', 14, { wantShutDown: true })
  await talk.wait(SESSION_SECONDS)
  await talk.start('11 comes back', 11, 'r3', { previousBrokerEpoch: talk.runs.get(11)?.epoch ?? 0n })
  await talk.state('11 comes back')
}

async function rest(talk: Talk): Promise<void> {
  await talk.create('topic m', 'm', [[11, 12, 13]], { 'min.insync.replicas': '3' })
  talk.shown = ['m']
  await talk.alter('only the leader', 11, 'm', 0, 0, 0, [11])
  await talk.state('only the leader')
  await talk.configure('min.insync.replicas of 2', 'm', 'min.insync.replicas', '2')
  await talk.beat('the last in sync is fenced', 11, { wantFence: true })
  await talk.state('the last in sync is fenced')
  await talk.configure('unclean elections are allowed', 'm', 'unclean.leader.election.enable', 'true')
  await talk.elect('an unclean one is asked for', 1, 'm', 0)
  await talk.alter('others while it recovers', 12, 'm', 0, 2, 4, [12, 13], { recovering: true })
  await talk.step('an unregistration of nobody', 'UnregisterBroker', 0, { brokerId: 19 })
  await talk.step('an unregistration', 'UnregisterBroker', 0, { brokerId: 13 })
  await talk.state('an unregistration')
  await talk.beat('a broker that is unregistered', 13)
  await talk.step('ids for nobody', 'AllocateProducerIds', 0, { brokerId: 19, brokerEpoch: 3n })
  await talk.step('ids', 'AllocateProducerIds', 0, { brokerId: 12, brokerEpoch: talk.runs.get(12)?.epoch ?? 0n })
  const directories = [{ id: dir(12), topics: [{ topicId: talk.topicIds.get('m') ?? ZERO_UUID, partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }, { topicId: idOf('no such topic'), partitions: [{ partitionIndex: 0 }] }] }]
  await talk.step('directories of nobody', 'AssignReplicasToDirs', 0, { brokerId: 19, brokerEpoch: 3n, directories })
  await talk.step('directories', 'AssignReplicasToDirs', 0, { brokerId: 12, brokerEpoch: talk.runs.get(12)?.epoch ?? 0n, directories })
}

const sorted = (ids: readonly number[] | null): string => [...(ids ?? [])].sort().join()

/** Without what differs from one cluster to the next. */
function comparable(value: unknown, field = ''): unknown {
  if (field === 'topicId') return value === ZERO_UUID ? 'none' : 'an id'
  if (field === 'brokerEpoch') return (value as bigint) >= 0n ? 'an epoch' : String(value)
  if (field === 'producerIdStart') return (value as bigint) % 1000n === 0n ? 'a block' : String(value)
  if (/errorCode$/i.test(field)) return errorName(value as number)
  if (typeof value === 'bigint') return String(value)
  // What Kafka says where it has no more to say than the error's own sentence, which here is another one.
  if (field === 'errorMessage' && /^The preferred leader (was|is) not available/.test(String(value))) return '(sentence of the error)'
  if (field === 'configs') return '(configs)'
  if (Array.isArray(value)) return value.map((each) => comparable(each, field))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each, name)]))
}
