// What brokers ask of the active controller, as it is routed; clients never send it. A node that does not lead the quorum
// refuses all of it with NOT_CONTROLLER.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ActiveController } from './controller/active-controller.ts'

/** Lowest and highest version of the APIs that are served here. */
export const CONTROLLER_APIS = {
  AlterPartition: { minVersion: 2, maxVersion: 3 },
  BrokerRegistration: { minVersion: 0, maxVersion: 4 },
  BrokerHeartbeat: { minVersion: 0, maxVersion: 2 },
  AllocateProducerIds: { minVersion: 0, maxVersion: 0 },
  AssignReplicasToDirs: { minVersion: 0, maxVersion: 0 },
} as const satisfies Partial<Record<ApiName, { minVersion: number; maxVersion: number }>>

export type ControllerHandlersDeps = {
  readonly controller: ActiveController
  readonly monotonicMs: () => number
}
type ControllerHandlers = { [N in keyof typeof CONTROLLER_APIS]: (context: { readonly apiVersion: number }, request: RequestOf<N>) => Promise<Encodable<ResponseOf<N>>> }

export function controllerHandlers({ controller, monotonicMs }: ControllerHandlersDeps): ControllerHandlers {
  return {
    AlterPartition: async ({ apiVersion }, request) => ({ topics: await controller.alterPartitions(request, apiVersion) }),
    BrokerRegistration: async (_context, request) => ({ brokerEpoch: await controller.registerBroker(request, monotonicMs()) }),
    BrokerHeartbeat: async (_context, request) => {
      const { isCaughtUp, isFenced, shouldShutDown } = await controller.heartbeat(request, monotonicMs())
      return { isCaughtUp, isFenced, shouldShutDown }
    },
    AllocateProducerIds: async (_context, { brokerId, brokerEpoch }) => {
      const { first, size } = await controller.allocateProducerIds(brokerId, brokerEpoch)
      return { producerIdStart: first, producerIdLen: size }
    },
    AssignReplicasToDirs: async (_context, request) => ({ directories: await controller.assignDirectories(request) }),
  }
}
