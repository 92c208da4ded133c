import { describeCluster } from '../operations/cluster.ts'
import { Cluster, Health } from '../schemas/cluster.ts'
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
