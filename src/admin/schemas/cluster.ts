import { Type, type Static } from '@sinclair/typebox'
import { BrokerId, nullable } from './fields.ts'

export const ClusterBroker = Type.Object({
  brokerId: BrokerId,
  host: Type.String({ description: 'Address that clients are told to connect to.' }),
  port: Type.Integer(),
  rack: nullable(Type.String()),
  controller: Type.Boolean({ description: 'Whether this broker is the active controller.' }),
  fenced: Type.Boolean({ description: 'Whether the controller keeps this broker from leading partitions.' }),
}, { $id: 'ClusterBroker' })
export type ClusterBroker = Static<typeof ClusterBroker>

export const Cluster = Type.Object({
  clusterId: Type.String(),
  controllerId: Type.Integer({ description: 'Id of the active controller, -1 while there is none.' }),
  brokers: Type.Array(ClusterBroker),
}, { $id: 'Cluster' })
export type Cluster = Static<typeof Cluster>

export const Health = Type.Object({ status: Type.String({ description: '"ok", or why the broker is not ready.' }) }, { $id: 'Health' })
export type Health = Static<typeof Health>
