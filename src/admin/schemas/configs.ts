import { Type, type Static } from '@sinclair/typebox'
import { CONFIG_SOURCES, CONFIG_TYPES } from '../config-kinds.ts'
import { nullable } from './fields.ts'

const Source = Type.Union(CONFIG_SOURCES.map(source => Type.Literal(source)), { $id: 'ConfigSource' })
const Value = nullable(Type.String({ description: 'Null where the value is sensitive or not set.' }))

export const ConfigEntry = Type.Object({
  name: Type.String(),
  value: Value,
  source: Source,
  type: Type.Union(CONFIG_TYPES.map(type => Type.Literal(type))),
  readOnly: Type.Boolean(),
  sensitive: Type.Boolean(),
  synonyms: Type.Array(Type.Object({ name: Type.String(), value: Value, source: Source }), { description: 'Where the value could come from, strongest first.' }),
  documentation: nullable(Type.String()),
}, { $id: 'ConfigEntry' })
export type ConfigEntry = Static<typeof ConfigEntry>

export const Configs = Type.Object({ configs: Type.Array(ConfigEntry) }, { $id: 'Configs' })
export type Configs = Static<typeof Configs>

export const ConfigChanges = Type.Object({
  set: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Values by name.' })),
  delete: Type.Optional(Type.Array(Type.String(), { description: 'Names that go back to their default.' })),
  append: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Elements added to list configs.' })),
  subtract: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Elements taken out of list configs.' })),
  validateOnly: Type.Optional(Type.Boolean({ description: 'Check only, change nothing.' })),
}, { $id: 'ConfigChanges', additionalProperties: false })
export type ConfigChanges = Static<typeof ConfigChanges>
