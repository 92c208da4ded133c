// Brokers that are to hold nothing. A Millrace cluster keeps that in the config broker.draining and acts on it by itself; a
// cluster that has no such config is told where its replicas are to go, one wave after the other.

import type { BrokerCaller } from '../../broker/api.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { alterConfigs, CONFIG_RESOURCE_TYPES } from './configs.ts'

const DRAINING = 'broker.draining'

/** Those that drain, and whether the cluster knows of draining at all. */
export async function drainingBrokers(caller: BrokerCaller, brokerIds: readonly number[]): Promise<{ draining: Set<number>; known: boolean }> {
  const { results } = await caller.call('DescribeConfigs', { resources: brokerIds.map((id) => ({ resourceType: CONFIG_RESOURCE_TYPES.broker, resourceName: String(id), configurationKeys: [DRAINING] })) })
  // Kafka's brokers speak for themselves alone, and have no such config.
  const told = results.flatMap(({ resourceName, configs }) => configs.filter(({ name }) => name === DRAINING).map(({ value }) => ({ id: Number(resourceName), value })))
  return { draining: new Set(told.filter(({ value }) => value === 'true').map(({ id }) => id)), known: told.length > 0 }
}

/** Throws BROKER_ID_NOT_REGISTERED for a broker that the cluster does not know. */
export async function setDraining(caller: BrokerCaller, brokerId: number, draining: boolean): Promise<void> {
  const { brokers } = await caller.call('DescribeCluster', { includeFencedBrokers: true })
  if (!brokers.some((broker) => broker.brokerId === brokerId)) throw new KafkaError('BROKER_ID_NOT_REGISTERED', `broker ${brokerId} is not part of the cluster`)
  await alterConfigs(caller, { type: 'broker', name: String(brokerId) }, draining ? { set: { [DRAINING]: 'true' } } : { delete: [DRAINING] })
}
