// Pieces that several resources share. Offsets, ids and times are JSON numbers: an int64 of the wire stays exact up to 2^53.

import { Type, type TSchema } from '@sinclair/typebox'

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const offset = (description: string) => Type.Integer({ minimum: 0, description })
export const epoch = (description: string) => Type.Integer({ minimum: -1, description })
export const timestampMs = (description: string) => Type.Integer({ description: `${description}, in milliseconds since 1970.` })

export const TopicName = Type.String({ minLength: 1, maxLength: 249, pattern: '^[a-zA-Z0-9._-]+$', description: 'Name of a topic.' })
export const PartitionIndex = Type.Integer({ minimum: 0, maximum: 2147483647, description: 'Index of a partition of the topic.' })
export const GroupId = Type.String({ minLength: 1, maxLength: 32767, description: 'Id of a consumer group.' })
export const BrokerId = Type.Integer({ minimum: 0, maximum: 2147483647, description: 'Id of a broker (node.id).' })
