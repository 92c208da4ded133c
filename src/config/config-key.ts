// What a setting is: its type, its default as text, what values it takes. Parsing and checking answer in Kafka's words,
// because tools and tests of clients compare them.

import { MillraceError } from '../shared/errors.ts'

export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'

/** Numbers for INT, SHORT, LONG and DOUBLE; a LONG beyond 2^53 is rounded, which only ever means "no limit". */
export type ConfigValue = boolean | number | string | readonly string[] | null

export type ConfigKey<Value extends ConfigValue = ConfigValue> = {
  readonly type: ConfigType
  readonly default: string | null
  /** What is wrong with a parsed value, or undefined. */
  readonly check: Check | undefined
  readonly documentation: string
  /** Only in the type: what `parseConfig` yields. */
  readonly value?: Value
}

/** The fault of a value: a sentence, or with it the member of a list that has it. */
export type Check = (value: Exclude<ConfigValue, null>) => string | { member: string; fault: string } | undefined

export class InvalidConfig extends MillraceError {
  constructor(message: string) {
    super('INVALID_CONFIG', message)
  }
}

/** The value a text stands for. Throws InvalidConfig with Kafka's sentence where it stands for none. */
export function parseConfig(name: string, key: ConfigKey, text: string | null): ConfigValue {
  if (text === null) {
    if (key.default === null) return null
    throw new InvalidConfig(`Invalid value null for configuration ${name}: entry must be non null`)
  }
  const value = parse(name, key.type, text.trim())
  const found = key.check?.(value)
  if (found === undefined) return value
  const { member, fault } = typeof found === 'string' ? { member: display(key.type, value), fault: found } : found
  throw new InvalidConfig(`Invalid value ${member} for configuration ${name}: ${fault}`)
}

/** Kafka trims a LIST's members and takes the empty text for the empty list. */
export function parseList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((member) => member.trim())
}

const INTEGER_RANGES = {
  SHORT: [-32_768n, 32_767n],
  INT: [-2_147_483_648n, 2_147_483_647n],
  LONG: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
} as const

function parse(name: string, type: ConfigType, text: string): Exclude<ConfigValue, null> {
  switch (type) {
    case 'BOOLEAN': {
      const lower = text.toLowerCase()
      if (lower === 'true' || lower === 'false') return lower === 'true'
      throw new InvalidConfig(`Invalid value ${text} for configuration ${name}: Expected value to be either true or false`)
    }
    case 'SHORT':
    case 'INT':
    case 'LONG': {
      const [least, most] = INTEGER_RANGES[type]
      const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined
      if (value !== undefined && value >= least && value <= most) return Number(value)
      throw new InvalidConfig(`Invalid value ${text} for configuration ${name}: Not a number of type ${type}`)
    }
    case 'DOUBLE': {
      const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
      if (!Number.isNaN(value)) return value
      throw new InvalidConfig(`Invalid value ${text} for configuration ${name}: Not a number of type ${type}`)
    }
    case 'LIST':
      return parseList(text)
    case 'STRING':
    case 'CLASS':
    case 'PASSWORD':
      return text
  }
}

/** As Java prints it. */
function display(type: ConfigType, value: Exclude<ConfigValue, null>): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  return type === 'DOUBLE' && Number.isInteger(value) ? `${String(value)}.0` : String(value)
}

// ---- what values a setting takes ----

export function atLeast(least: number): Check {
  return (value) => ((value as number) < least ? `Value must be at least ${least}` : undefined)
}

export function between(least: number, most: number): Check {
  return (value) => {
    if ((value as number) < least) return `Value must be at least ${least}`
    return (value as number) > most ? `Value must be no more than ${most}` : undefined
  }
}

export function oneOf(...allowed: string[]): Check {
  return (value) => (allowed.includes(value as string) ? undefined : `String must be one of: ${allowed.join(', ')}`)
}

export function someOf(...allowed: string[]): Check {
  return (value) => {
    const member = (value as readonly string[]).find((each) => !allowed.includes(each))
    return member === undefined ? undefined : { member, fault: `String must be one of: ${allowed.join(', ')}` }
  }
}

// ---- how tables of settings are written ----

type Options = { check?: Check; doc: string }

export function bool(defaultValue: boolean, doc: string): ConfigKey<boolean> {
  return { type: 'BOOLEAN', default: String(defaultValue), check: undefined, documentation: doc }
}

export function int(defaultValue: number, options: Options): ConfigKey<number> {
  return { type: 'INT', default: String(defaultValue), check: options.check, documentation: options.doc }
}

export function short(defaultValue: number, options: Options): ConfigKey<number> {
  return { type: 'SHORT', default: String(defaultValue), check: options.check, documentation: options.doc }
}

export function optionalInt(options: Options): ConfigKey<number | null> {
  return { type: 'INT', default: null, check: options.check, documentation: options.doc }
}

/** A LONG; `INT64_MAX_TEXT` as the default says "no limit". */
export function long(defaultValue: number | string, options: Options): ConfigKey<number> {
  return { type: 'LONG', default: String(defaultValue), check: options.check, documentation: options.doc }
}

export function optionalLong(options: Options): ConfigKey<number | null> {
  return { type: 'LONG', default: null, check: options.check, documentation: options.doc }
}

export function double(defaultValue: string, options: Options): ConfigKey<number> {
  return { type: 'DOUBLE', default: defaultValue, check: options.check, documentation: options.doc }
}

export function string(defaultValue: string, options: Options): ConfigKey<string> {
  return { type: 'STRING', default: defaultValue, check: options.check, documentation: options.doc }
}

export function optionalString(options: Options): ConfigKey<string | null> {
  return { type: 'STRING', default: null, check: options.check, documentation: options.doc }
}

export function list(defaultValue: string, options: Options): ConfigKey<readonly string[]> {
  return { type: 'LIST', default: defaultValue, check: options.check, documentation: options.doc }
}

export function optionalList(options: Options): ConfigKey<readonly string[] | null> {
  return { type: 'LIST', default: null, check: options.check, documentation: options.doc }
}

export const INT64_MAX_TEXT = '9223372036854775807'
