// What a broker tells of itself when it registers (KIP-631).

import { SUPPORTED_FEATURES } from '../metadata/features.ts'
import type { BrokerRegistrationRequest } from '../protocol/messages.ts'
import type { Uuid } from '../shared/uuid.ts'

/** All of a registration but who registers. */
export type Registration = Omit<BrokerRegistrationRequest, 'brokerId' | 'incarnationId'>

export type RegistrationParts = {
  readonly clusterId: Uuid
  /** What others are told to connect to. */
  readonly listeners: Registration['listeners']
  readonly rack: string | null
  /** The log directories that have not failed. */
  readonly logDirs: readonly Uuid[]
  /** Whether the process before stopped in good order, and under which epoch it ran (KIP-966). */
  readonly dataPlane: { readonly cleanStart: boolean; readonly previousBrokerEpoch: number }
}

export function registration({ clusterId, listeners, rack, logDirs, dataPlane }: RegistrationParts): Registration {
  return {
    clusterId,
    listeners,
    features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
    rack,
    isMigratingZkBroker: false,
    logDirs: [...logDirs],
    previousBrokerEpoch: BigInt(dataPlane.cleanStart ? dataPlane.previousBrokerEpoch : -1),
  }
}
