// From what was written to one frozen configuration: defaults, then the file, then `--set`, then options of the command
// line. What is unknown, invalid or impossible is refused with one line that names the setting.

import { resolve } from 'node:path'
import { MillraceError } from '../shared/errors.ts'
import { BROKER_SETTINGS, isBrokerSetting } from './broker-settings.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { parseConfig } from './config-key.ts'
import { unknownDirectories } from './cordoned-directories.ts'
import type { ConfigKey, ConfigValue } from './config-key.ts'
import { knownSettings } from './known-settings.ts'
import { resolveListeners } from './listeners.ts'
import type { Listeners } from './listeners.ts'
import { resolveQuorum } from './quorum-config.ts'
import type { QuorumConfig } from './quorum-config.ts'

export type ConfigInput = {
  /** Where values come from, for messages: a path, "--set", "--port". */
  readonly origin: string
  readonly values: ReadonlyMap<string, string>
}

export type BrokerConfig = {
  readonly settings: BrokerSettings
  /** What was given, as text: Kafka's static broker configs. */
  readonly given: ReadonlyMap<string, string>
  readonly nodeId: number
  /** Absolute. */
  readonly logDirs: readonly string[]
  readonly listeners: Listeners
  readonly quorum: QuorumConfig
  /** Given settings that have no effect here, to be told at the start. */
  readonly withoutEffect: readonly string[]
}

export class ConfigError extends MillraceError {
  constructor(origin: string, message: string, cause?: unknown) {
    super('INVALID_CONFIG', `${origin}: ${message}`, cause)
  }
}

/** Merges the inputs, later ones over earlier ones. Throws ConfigError. */
export function loadBrokerConfig(inputs: readonly ConfigInput[]): BrokerConfig {
  const given = new Map<string, string>()
  const origins = new Map<string, string>()
  for (const { origin, values } of inputs) {
    for (const [name, value] of values) {
      given.set(name, value)
      origins.set(name, origin)
    }
  }
  const withoutEffect: string[] = []
  for (const [name, value] of given) {
    if (isBrokerSetting(name)) continue
    checkKnown(origins.get(name) ?? '', name, value)
    withoutEffect.push(name)
  }
  const at = (name: string): string => origins.get(name) ?? 'configuration'
  const entries = Object.entries<ConfigKey>(BROKER_SETTINGS).map(([name, key]) => [name, parseGiven(at(name), name, key, given.get(name))])
  const settings = Object.freeze(Object.fromEntries(entries) as BrokerSettings)
  const nodeId = resolveNodeId(settings, given, at)
  checkRoles(settings, at)
  const listeners = tell(at('listeners'), () => resolveListeners(settings))
  return Object.freeze({
    settings,
    given,
    nodeId,
    logDirs: resolveLogDirs(settings, at),
    listeners,
    quorum: tell(at('controller.quorum.voters'), () => resolveQuorum(settings, nodeId, listeners)),
    withoutEffect,
  })
}

function parseGiven(origin: string, name: string, key: ConfigKey, text: string | undefined): ConfigValue {
  return tell(origin, () => (text === undefined ? (key.default === null ? null : parseConfig(name, key, key.default)) : parseConfig(name, key, text)))
}

function tell<T>(origin: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof MillraceError) throw new ConfigError(origin, error.message, error)
    throw error
  }
}

function checkKnown(origin: string, name: string, text: string): void {
  const base = /^listener\.name\.[^.]+\.(.+)$/.exec(name)?.[1] ?? name
  const known = knownSettings().get(base)
  if (known === undefined) {
    if (base !== name && isBrokerSetting(base)) throw new ConfigError(origin, `${name} is not supported: ${base} holds for all listeners`)
    const nearest = nearestName(name, [...Object.keys(BROKER_SETTINGS), ...knownSettings().keys()])
    throw new ConfigError(origin, `unknown setting ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`)
  }
  const value = tell(origin, () => parseConfig(name, known, text))
  const expected = known.default === null ? '' : parseConfig(name, known, known.default)
  if (known.fixed && String(value) !== String(expected)) {
    throw new ConfigError(origin, `${name}=${known.type === 'PASSWORD' ? '(hidden)' : text} is not supported${known.default === null ? '; leave it out' : `; this broker behaves as ${name}=${known.default}`}`)
  }
}

function resolveNodeId(settings: BrokerSettings, given: ReadonlyMap<string, string>, at: (name: string) => string): number {
  const brokerId = settings['broker.id']
  if (brokerId < 0) return settings['node.id']
  if (given.has('node.id') && settings['node.id'] !== brokerId) {
    throw new ConfigError(at('broker.id'), `broker.id=${brokerId} and node.id=${settings['node.id']} name the same thing and differ`)
  }
  return brokerId
}

function checkRoles(settings: BrokerSettings, at: (name: string) => string): void {
  const roles = settings['process.roles']
  if (!roles.includes('broker') || !roles.includes('controller')) {
    throw new ConfigError(at('process.roles'), `process.roles=${roles.join(',')} is not supported; a node is both broker and controller`)
  }
  if (settings['broker.draining']) throw new ConfigError(at('broker.draining'), 'broker.draining=true is set while the broker runs, so that it lasts and all brokers know: millrace cluster drain')
}

function resolveLogDirs(settings: BrokerSettings, at: (name: string) => string): string[] {
  const dirs = (settings['log.dirs'] ?? settings['log.dir']).map((dir) => resolve(dir))
  if (dirs.length === 0) throw new ConfigError(at('log.dirs'), 'log.dirs names no directory')
  const repeated = dirs.find((dir, index) => dirs.indexOf(dir) !== index)
  if (repeated !== undefined) throw new ConfigError(at('log.dirs'), `log.dirs names ${repeated} twice`)
  const [unknown] = unknownDirectories(settings['cordoned.log.dirs'], dirs)
  if (unknown !== undefined) throw new ConfigError(at('cordoned.log.dirs'), `cordoned.log.dirs names ${unknown}, which is not in log.dirs`)
  return dirs
}

/** The name that takes the fewest edits to reach, if it takes few. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue
    const distance = editDistance(name, candidate)
    if (distance < least) [least, nearest] = [distance, candidate]
  }
  return nearest
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
