// The admin API of a running broker. Loaded only where one is asked for.

import type { BrokerNode } from '../broker/broker.ts'
import { balancerSettings } from '../broker/settings.ts'
import { MillraceError } from '../shared/errors.ts'
import { VERSION } from '../shared/version.ts'
import type { AdminContext } from './context.ts'
import type { Router } from './http/router.ts'
import { AdminHttpServer } from './http/server.ts'
import type { HttpAddress } from './http/server.ts'

/** Serves the admin API at an address such as http://127.0.0.1:9644. Throws a MillraceError where it is taken. */
export function startAdmin(node: BrokerNode, address: string): Promise<AdminHttpServer> {
  const context = contextOf(node)
  let router: Promise<Router> | undefined
  return AdminHttpServer.listen(parseAddress(address), () => (router ??= loadRouter(context)))
}

/** Routes and the schemas they check against take more memory than all else that idles here, so they wait until they are asked for. */
async function loadRouter(context: AdminContext): Promise<Router> {
  const [{ Router }, { adminRoutes }] = await Promise.all([import('./http/router.ts'), import('./routes.ts')])
  return new Router(adminRoutes(), context)
}

function contextOf(node: BrokerNode): AdminContext {
  return {
    caller: node.caller,
    records: node.records,
    dataPlane: node.dataPlane,
    clock: node.clock,
    logger: node.logging.logger('admin'),
    version: VERSION,
    leads: (topic, partition) => node.metadata.image.topicsByName.get(topic)?.partitions[partition]?.leader === node.config.nodeId,
    topics: () => [...node.metadata.image.topicsByName.values()].map(({ name, partitions }) => ({ name, partitionCount: partitions.length })),
    groups: () => node.groups.listGroupsWithOffsets(),
    cluster: {
      health: () => node.health(),
      isActiveController: () => node.isController,
      isrChanges: () => node.isrChanges,
      balancer: () => {
        const { enabled, thresholds } = balancerSettings(node.configs.layers(node.metadata.image))
        const { movesLeft = 0, bytesLeft = 0 } = node.balancer.progress ?? {}
        return { enabled, imbalancePercentage: Math.round(thresholds.imbalance * 100), imbalanceBytes: thresholds.imbalanceBytes, movesLeft, bytesLeft }
      },
    },
    notReady: () => (node.metadata.image.brokers.has(node.config.nodeId) ? null : 'The broker is not registered yet.'),
  }
}

function parseAddress(text: string): HttpAddress {
  const match = /^http:\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) throw new MillraceError('INVALID_CONFIG', `admin.listener: "${text}" is not of the form http://host:port`)
  return { host, port }
}
