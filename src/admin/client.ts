// The typed client of the admin API. Every type comes from the schemas that the server checks against.

import type { Cluster, ClusterBroker, ClusterFeature, ClusterPlan, ClusterStatus, FeatureUpgrades, Health, NewVoter, PlanQuery, Quorum, QuorumReplica, Reassignment } from './schemas/cluster.ts'
import type { ConfigChanges, ConfigEntry } from './schemas/configs.ts'
import type { Group, GroupSummary, OffsetReset, ResetOffsets } from './schemas/groups.ts'
import type { LogDirs } from './schemas/log-dirs.ts'
import type { Problem } from './schemas/problem.ts'
import type { RecordPage, RecordQuery } from './schemas/records.ts'
import type { LowWatermark, NewPartitions, NewTopic, PartitionLogs, Segments, Topic, TopicSummary } from './schemas/topics.ts'
import { MillraceError } from '../shared/errors.ts'

/** What the server refused, with Kafka's name of the error as `code`. */
export class AdminError extends MillraceError {
  readonly status: number

  constructor(problem: Problem) {
    super(problem.error, problem.detail)
    this.status = problem.status
  }
}

const segment = encodeURIComponent

/** Administers a broker over HTTP. Methods reject with an AdminError where the server refuses. */
export class Admin {
  readonly #url: string

  /** `url` is where the admin API listens: http://127.0.0.1:9644 */
  constructor(url: string) {
    this.#url = url.replace(/\/$/, '')
  }

  cluster(): Promise<Cluster> { return this.#get('/cluster') }

  async brokers(): Promise<ClusterBroker[]> { return (await this.#get<{ brokers: ClusterBroker[] }>('/brokers')).brokers }

  clusterStatus(): Promise<ClusterStatus> { return this.#get('/cluster/status') }

  /** What the balancer would do now; nothing is changed. */
  plan(query: PlanQuery = {}): Promise<ClusterPlan> {
    const parameters = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]))
    return this.#get(`/cluster/plan?${parameters}`)
  }

  async reassignments(): Promise<Reassignment[]> { return (await this.#get<{ reassignments: Reassignment[] }>('/cluster/reassignments')).reassignments }

  quorum(): Promise<Quorum> { return this.#get('/cluster/quorum') }

  addVoter(voter: NewVoter): Promise<QuorumReplica> { return this.#send('POST', '/cluster/quorum/voters', voter) }

  removeVoter(node: number): Promise<void> { return this.#send('DELETE', `/cluster/quorum/voters/${node}`) }

  async features(): Promise<ClusterFeature[]> { return (await this.#get<{ features: ClusterFeature[] }>('/cluster/features')).features }

  async upgradeFeatures(upgrades: FeatureUpgrades): Promise<ClusterFeature[]> { return (await this.#send<{ features: ClusterFeature[] }>('PATCH', '/cluster/features', upgrades)).features }

  /** Has a broker hold nothing; returns at once, and the cluster moves its replicas by itself. */
  async drain(broker: number): Promise<void> { await this.#send('PUT', `/brokers/${broker}/draining`, { draining: true }) }

  async undrain(broker: number): Promise<void> { await this.#send('PUT', `/brokers/${broker}/draining`, { draining: false }) }

  logDirs(): Promise<LogDirs> { return this.#get('/log-dirs') }

  ready(): Promise<Health> { return this.#get('/health/ready') }

  async topics(): Promise<TopicSummary[]> { return (await this.#get<{ topics: TopicSummary[] }>('/topics')).topics }

  topic(name: string): Promise<Topic> { return this.#get(`/topics/${segment(name)}`) }

  createTopic(topic: NewTopic): Promise<TopicSummary> { return this.#send('POST', '/topics', topic) }

  createPartitions(topic: string, partitions: NewPartitions): Promise<Topic> { return this.#send('PATCH', `/topics/${segment(topic)}`, partitions) }

  deleteTopic(name: string): Promise<void> { return this.#send('DELETE', `/topics/${segment(name)}`) }

  async topicConfigs(topic: string): Promise<ConfigEntry[]> { return (await this.#get<{ configs: ConfigEntry[] }>(`/topics/${segment(topic)}/configs`)).configs }

  async alterTopicConfigs(topic: string, changes: ConfigChanges): Promise<ConfigEntry[]> {
    return (await this.#send<{ configs: ConfigEntry[] }>('PATCH', `/topics/${segment(topic)}/configs`, changes)).configs
  }

  async brokerConfigs(broker: number): Promise<ConfigEntry[]> { return (await this.#get<{ configs: ConfigEntry[] }>(`/brokers/${broker}/configs`)).configs }

  partitions(topic: string): Promise<PartitionLogs> { return this.#get(`/topics/${segment(topic)}/partitions`) }

  segments(topic: string, partition: number): Promise<Segments> { return this.#get(`/topics/${segment(topic)}/partitions/${partition}/segments`) }

  /** Records from an offset or a time on; without either from the start of the log. */
  records(topic: string, partition: number, query: Partial<RecordQuery> = {}): Promise<RecordPage> {
    const parameters = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]))
    return this.#get(`/topics/${segment(topic)}/partitions/${partition}/records?${parameters}`)
  }

  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<LowWatermark> {
    return this.#send('DELETE', `/topics/${segment(topic)}/partitions/${partition}/records`, { beforeOffset })
  }

  async groups(): Promise<GroupSummary[]> { return (await this.#get<{ groups: GroupSummary[] }>('/groups')).groups }

  group(groupId: string): Promise<Group> { return this.#get(`/groups/${segment(groupId)}`) }

  resetOffsets(groupId: string, reset: OffsetReset): Promise<ResetOffsets> { return this.#send('POST', `/groups/${segment(groupId)}/offsets`, reset) }

  deleteGroup(groupId: string): Promise<void> { return this.#send('DELETE', `/groups/${segment(groupId)}`) }

  /** Metrics in Prometheus's text format. */
  async metrics(): Promise<string> {
    return (await this.#fetch('GET', '/metrics')).text()
  }

  #get<T>(path: string): Promise<T> { return this.#send('GET', path) }

  async #send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#fetch(method, path, body)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  async #fetch(method: string, path: string, body?: unknown): Promise<Response> {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${this.#url}${path}`, { method, ...content })
    if (!response.ok) throw new AdminError((await response.json()) as Problem)
    return response
  }
}
