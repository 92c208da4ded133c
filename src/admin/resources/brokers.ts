import { Type } from '@sinclair/typebox'
import { route } from '../http/route.ts'
import { alterConfigs, describeConfigs } from '../operations/configs.ts'
import { describeCluster } from '../operations/cluster.ts'
import { setDraining } from '../operations/draining.ts'
import { ClusterBroker, Draining } from '../schemas/cluster.ts'
import { ConfigChanges, Configs } from '../schemas/configs.ts'
import { BrokerId } from '../schemas/fields.ts'

const OneBroker = Type.Object({ broker: BrokerId })

export const brokerRoutes = [
  route({
    method: 'GET',
    path: '/brokers',
    operationId: 'listBrokers',
    summary: 'The brokers of the cluster.',
    response: Type.Object({ brokers: Type.Array(ClusterBroker) }),
    answer: async ({ caller }) => ({ brokers: (await describeCluster(caller)).brokers }),
  }),
  route({
    method: 'GET',
    path: '/brokers/{broker}/configs',
    operationId: 'describeBrokerConfigs',
    summary: 'Every config of a broker, with where its value comes from.',
    params: OneBroker,
    response: Configs,
    answer: async ({ caller }, { params }) => ({ configs: await describeConfigs(caller, { type: 'broker', name: String(params.broker) }, true) }),
  }),
  route({
    method: 'PATCH',
    path: '/brokers/{broker}/configs',
    operationId: 'alterBrokerConfigs',
    summary: 'Changes configs of a broker that may change while it runs.',
    params: OneBroker,
    body: ConfigChanges,
    response: Configs,
    answer: async ({ caller }, { params, body }) => {
      const resource = { type: 'broker', name: String(params.broker) } as const
      await alterConfigs(caller, resource, body)
      return { configs: await describeConfigs(caller, resource) }
    },
  }),
  route({
    method: 'PUT',
    path: '/brokers/{broker}/draining',
    operationId: 'drainBroker',
    summary: 'Has a broker hold nothing, so that it can be taken away, or lets it hold replicas again.',
    params: OneBroker,
    body: Draining,
    response: Draining,
    answer: async ({ caller }, { params, body }) => {
      await setDraining(caller, params.broker, body.draining)
      return body
    },
  }),
]
