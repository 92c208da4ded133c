// The APIs of share groups' records and of their state, as the broker routes them.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ShareCoordinator } from './share-coordinator.ts'
import type { ShareDelivery } from './share-delivery.ts'

/** Lowest and highest version of the APIs that are served here. */
export const SHARE_APIS = {
  ShareFetch: { minVersion: 1, maxVersion: 2 },
  ShareAcknowledge: { minVersion: 1, maxVersion: 2 },
  InitializeShareGroupState: { minVersion: 0, maxVersion: 0 },
  ReadShareGroupState: { minVersion: 0, maxVersion: 0 },
  WriteShareGroupState: { minVersion: 0, maxVersion: 1 },
  DeleteShareGroupState: { minVersion: 0, maxVersion: 0 },
  ReadShareGroupStateSummary: { minVersion: 0, maxVersion: 1 },
} as const satisfies Partial<Record<ApiName, { minVersion: number; maxVersion: number }>>

type ShareHandlers = { [N in keyof typeof SHARE_APIS]: (context: { readonly listener: string }, request: RequestOf<N>) => Promise<Encodable<ResponseOf<N>>> }

export function shareHandlers(coordinator: ShareCoordinator, delivery: ShareDelivery): ShareHandlers {
  return {
    ShareFetch: ({ listener }, request) => delivery.fetch(request, listener),
    ShareAcknowledge: ({ listener }, request) => delivery.acknowledge(request, listener),
    InitializeShareGroupState: async (_context, { groupId, topics }) => ({ results: await coordinator.initialize(groupId, topics) }),
    ReadShareGroupState: async (_context, { groupId, topics }) => ({ results: await coordinator.read(groupId, topics) }),
    WriteShareGroupState: async (_context, { groupId, topics }) => ({ results: await coordinator.write(groupId, topics) }),
    DeleteShareGroupState: async (_context, { groupId, topics }) => ({ results: await coordinator.delete(groupId, topics) }),
    ReadShareGroupStateSummary: async (_context, { groupId, topics }) => ({ results: await coordinator.readSummary(groupId, topics) }),
  }
}

/** The coordinator of this broker as the APIs ask it. */
export function localShareCoordinator(coordinator: ShareCoordinator) {
  return {
    InitializeShareGroupState: coordinator.initialize.bind(coordinator),
    ReadShareGroupState: coordinator.read.bind(coordinator),
    WriteShareGroupState: coordinator.write.bind(coordinator),
    DeleteShareGroupState: coordinator.delete.bind(coordinator),
    ReadShareGroupStateSummary: coordinator.readSummary.bind(coordinator),
  }
}
