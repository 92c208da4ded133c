import type { ApiCaller } from '../../broker/api.ts'
import type { Cluster } from '../schemas/cluster.ts'
import { expectNoError } from './outcome.ts'

export async function describeCluster(caller: ApiCaller): Promise<Cluster> {
  const response = await caller.call('DescribeCluster', { includeFencedBrokers: true })
  expectNoError(response.errorCode, response.errorMessage, 'cluster')
  return {
    clusterId: response.clusterId,
    controllerId: response.controllerId,
    brokers: response.brokers
      .map(broker => ({
        brokerId: broker.brokerId,
        host: broker.host,
        port: broker.port,
        rack: broker.rack,
        controller: broker.brokerId === response.controllerId,
        fenced: broker.isFenced,
      }))
      .sort((a, b) => a.brokerId - b.brokerId),
  }
}
