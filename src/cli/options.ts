// Options and values that several commands take, under the names that Kafka's tools give them.

import { Option } from '@commander-js/extra-typings'
import type { BrokerAddress } from '../interbroker/inter-broker.ts'
import { UsageError } from './command.ts'

const DEFAULT_PORT = 9092

export const bootstrapServer = () =>
  new Option('--bootstrap-server <host:port,...>', 'brokers to connect to').default('127.0.0.1:9092').argParser(parseBootstrap)
export const json = () => new Option('--json', 'print JSON instead of a table').default(false)

/** "host:port" or "host", comma separated; IPv6 addresses in brackets. Kept as text by commander's default, so text is accepted by all readers. */
export function parseBootstrap(text: string): string {
  parseAddresses(text)
  return text
}

export function parseAddresses(text: string): BrokerAddress[] {
  return text.split(',').map(part => {
    const match = /^\s*(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?\s*$/.exec(part)
    const host = match?.[1] ?? match?.[2]
    const port = Number(match?.[3] ?? DEFAULT_PORT)
    if (host === undefined || port < 1 || port > 65535) throw new UsageError(`--bootstrap-server: "${part.trim()}" is not host:port`)
    return { host, port }
  })
}

/** Reads a whole number within bounds; `option` names it in the error. */
export function parseInteger(option: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text)
  if (!/^[+-]?\d+$/.test(text.trim()) || value < min || value > max) {
    throw new UsageError(`${option}: "${text}" is not a whole number ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `between ${min} and ${max}`}`)
  }
  return value
}

/** Reads `key=value` pairs; the value may hold further equal signs. */
export function parseProperties(option: string, pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map(pair => {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new UsageError(`${option}: "${pair}" is not name=value`)
    return [pair.slice(0, equals).trim(), pair.slice(equals + 1)]
  }))
}

/** Splits a list at commas outside of [brackets], as Kafka writes lists inside config values. */
export function splitList(text: string): string[] {
  return text.split(/,(?![^[]*\])/).map(part => part.trim()).filter(part => part !== '')
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

/** A moment: ISO 8601 (UTC where no zone is given, as Kafka's tools take it) or milliseconds since 1970. */
export function parseMoment(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`
  const timestampMs = Date.parse(zoned)
  if (Number.isNaN(timestampMs)) throw new UsageError(`${option}: "${text}" is not a time such as 2026-01-31T12:00:00.000`)
  return timestampMs
}

/** An ISO 8601 duration, PnDTnHnMnS, in milliseconds. */
export function parseDuration(option: string, text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text)
  if (match === null || text === 'P' || text.endsWith('T')) throw new UsageError(`${option}: "${text}" is not a duration such as PT1H or P1DT12H`)
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map(part => Number(part ?? 0))
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}
