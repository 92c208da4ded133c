import { Type } from '@sinclair/typebox'
import { planCluster } from '../operations/balance.ts'
import { clusterStatus, describeReassignments } from '../operations/cluster-status.ts'
import { describeCluster } from '../operations/cluster.ts'
import { describeFeatures, upgradeFeatures } from '../operations/features.ts'
import { addVoter, describeQuorum, removeVoter } from '../operations/quorum.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { Cluster, ClusterFeature, ClusterPlan, ClusterStatus, FeatureUpgrades, Health, NewVoter, PlanQuery, Quorum, QuorumReplica, Reassignment } from '../schemas/cluster.ts'
import { BrokerId } from '../schemas/fields.ts'
import { LogDirs } from '../schemas/log-dirs.ts'
import { HttpError } from '../http/problems.ts'
import { route } from '../http/route.ts'

export const clusterRoutes = [
  route({
    method: 'GET',
    path: '/cluster',
    operationId: 'describeCluster',
    summary: 'The cluster and its brokers.',
    response: Cluster,
    answer: ({ caller }) => describeCluster(caller),
  }),
  route({
    method: 'GET',
    path: '/cluster/status',
    operationId: 'clusterStatus',
    summary: 'Brokers and what they hold, the quorum, partitions in trouble, and replicas that move.',
    response: ClusterStatus,
    answer: ({ caller }) => clusterStatus(caller),
  }),
  route({
    method: 'GET',
    path: '/cluster/plan',
    operationId: 'planCluster',
    summary: 'What the balancer would do now; nothing is changed.',
    query: PlanQuery,
    response: ClusterPlan,
    answer: ({ caller, cluster }, { query }) => planCluster(caller, { ...cluster.balancer(), ...query }),
  }),
  route({
    method: 'GET',
    path: '/cluster/reassignments',
    operationId: 'listReassignments',
    summary: 'Partitions whose replicas move, and how far they are.',
    response: Type.Object({ reassignments: Type.Array(Reassignment) }),
    answer: async ({ caller }) => ({ reassignments: await describeReassignments(caller) }),
  }),
  route({
    method: 'GET',
    path: '/cluster/quorum',
    operationId: 'describeQuorum',
    summary: 'The quorum that keeps the metadata.',
    response: Quorum,
    answer: ({ caller }) => describeQuorum(caller),
  }),
  route({
    method: 'POST',
    path: '/cluster/quorum/voters',
    operationId: 'addVoter',
    summary: 'Makes a node that reads the metadata log a voter.',
    body: NewVoter,
    response: QuorumReplica,
    answer: ({ caller }, { body }) => addVoter(caller, body.nodeId, (body.directoryId as Uuid | undefined) ?? null, [body.listener]),
  }),
  route({
    method: 'DELETE',
    path: '/cluster/quorum/voters/{node}',
    operationId: 'removeVoter',
    summary: 'Takes a vote away; the node goes on reading the metadata log.',
    params: Type.Object({ node: BrokerId }),
    query: Type.Object({ directoryId: Type.Optional(Type.String({ description: 'Where the node votes with several directories.' })) }, { additionalProperties: false }),
    response: null,
    answer: ({ caller }, { params, query }) => removeVoter(caller, params.node, (query.directoryId as Uuid | undefined) ?? null),
  }),
  route({
    method: 'GET',
    path: '/cluster/features',
    operationId: 'describeFeatures',
    summary: 'Levels of features that brokers support and that the cluster uses.',
    response: Type.Object({ features: Type.Array(ClusterFeature) }),
    answer: async ({ caller }) => ({ features: await describeFeatures(caller) }),
  }),
  route({
    method: 'PATCH',
    path: '/cluster/features',
    operationId: 'upgradeFeatures',
    summary: 'Raises levels of features, all that are named or none.',
    body: FeatureUpgrades,
    response: Type.Object({ features: Type.Array(ClusterFeature) }),
    answer: async ({ caller }, { body }) => {
      await upgradeFeatures(caller, Object.entries(body.levels).map(([feature, level]) => ({ feature, level })), body.validateOnly ?? false)
      return { features: await describeFeatures(caller) }
    },
  }),
  route({
    method: 'GET',
    path: '/log-dirs',
    operationId: 'describeLogDirs',
    summary: 'The log directories of this broker and their volumes.',
    response: LogDirs,
    answer: async ({ dataPlane }) => ({
      logDirs: dataPlane.logDirs().map(({ path, error, totalBytes, usableBytes }) => ({
        path,
        error,
        totalBytes: error === null ? Number(totalBytes) : null,
        usableBytes: error === null ? Number(usableBytes) : null,
      })),
    }),
  }),
  route({
    method: 'GET',
    path: '/health/live',
    operationId: 'isAlive',
    summary: 'Whether the process answers at all.',
    response: Health,
    answer: async () => ({ status: 'ok' }),
  }),
  route({
    method: 'GET',
    path: '/health/ready',
    operationId: 'isReady',
    summary: 'Whether clients may be sent here; 503 while not.',
    response: Health,
    answer: async ({ notReady }) => {
      const reason = notReady()
      if (reason !== null) throw new HttpError(503, reason, 'BROKER_NOT_AVAILABLE')
      return { status: 'ok' }
    },
  }),
]
