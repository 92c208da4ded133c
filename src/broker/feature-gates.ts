// APIs that answer only while the cluster has their feature: kafka-features can take it away again.

import { KafkaError } from '../protocol/error-codes.ts'
import type { ApiName } from '../protocol/api-keys.ts'
import type { ApiHandlers } from './api.ts'

/** What a member needs to be part of a group of each kind, at level 1 at least. */
const NEEDED_FEATURES: { readonly [N in ApiName]?: string } = {
  ConsumerGroupHeartbeat: 'group.version',
  StreamsGroupHeartbeat: 'streams.version',
  ShareGroupHeartbeat: 'share.version',
  ShareFetch: 'share.version',
  ShareAcknowledge: 'share.version',
}

type AnyHandler = (context: unknown, request: unknown) => unknown

/** The handlers, of which those whose feature is not finalized refuse with UNSUPPORTED_VERSION. */
export function gateByFeatures(handlers: ApiHandlers, levelOf: (feature: string) => number): ApiHandlers {
  const gated: Record<string, AnyHandler> = { ...(handlers as Record<string, AnyHandler>) }
  for (const [api, feature] of Object.entries(NEEDED_FEATURES)) {
    const handler = gated[api]
    if (handler === undefined) continue
    gated[api] = (context, request) => {
      if (levelOf(feature) < 1) throw new KafkaError('UNSUPPORTED_VERSION', `${api} needs the feature ${feature}, which this cluster has not finalized; kafka-features upgrade --feature ${feature}=1 does.`)
      return handler(context, request)
    }
  }
  return gated as ApiHandlers
}
