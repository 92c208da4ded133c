// Every route of the admin API.

import type { Route } from './http/route.ts'
import { brokerRoutes } from './resources/brokers.ts'
import { clusterRoutes } from './resources/cluster.ts'
import { consoleRoute } from './resources/console.ts'
import { groupRoutes } from './resources/groups.ts'
import { metricsRoute } from './resources/metrics.ts'
import { openApiRoute } from './resources/openapi.ts'
import { recordRoutes } from './resources/records.ts'
import { topicRoutes } from './resources/topics.ts'

export function adminRoutes(): readonly Route[] {
  const routes: Route[] = [...clusterRoutes, ...brokerRoutes, ...topicRoutes, ...recordRoutes, ...groupRoutes, metricsRoute(), consoleRoute]
  routes.push(openApiRoute(() => routes))
  return routes
}
