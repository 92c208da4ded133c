// UnregisterBroker: the registration of a broker that will not come back goes away.

import type { Encodable } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { UnregisterBrokerRequest, UnregisterBrokerResponse } from '../../protocol/messages.ts'
import { PARTITIONS_PER_STEP_MAX, unregisterBroker as decideUnregistration } from '../controller/broker-changes.ts'
import { topicPolicies } from '../controller/topic-policies.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'

export async function unregisterBroker({ runtime, configs }: MetadataHandlersDeps, { brokerId }: UnregisterBrokerRequest): Promise<Encodable<UnregisterBrokerResponse>> {
  const parts = { policies: topicPolicies(configs), partitionCountMax: PARTITIONS_PER_STEP_MAX }
  let isLast = false
  while (!isLast) {
    isLast = await runtime.write((image) => {
      const broker = image.brokers.get(brokerId)
      if (broker === undefined) throw new KafkaError('BROKER_ID_NOT_REGISTERED', `Broker ID ${brokerId} is not currently registered`)
      const step = decideUnregistration(image, broker, parts)
      return { records: step.records, response: step.isLast }
    })
  }
  // A voter stays one: it has to be removed as such.
  await runtime.removeObserver(brokerId).catch(() => undefined)
  return { errorMessage: '' }
}
