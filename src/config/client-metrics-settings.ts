// What a subscription to metrics of clients says (KIP-714): which metrics, how often, from which clients. It is kept and told
// to tools, as by a broker of Kafka whose plugins take no metrics: clients are asked for none.

import { InvalidConfigRequest } from './alter-configs.ts'
import type { ConfigSpace } from './alter-configs.ts'
import { InvalidConfig, int, list, parseConfig, parseList } from './config-key.ts'
import type { ConfigKey } from './config-key.ts'

const INTERVAL_MS_MIN = 100
const INTERVAL_MS_MAX = 3_600_000

/** What a client can be told apart by. */
const MATCH_PARAMETERS: ReadonlySet<string> = new Set(['client_id', 'client_instance_id', 'client_software_name', 'client_software_version', 'client_source_address', 'client_source_port'])

export const CLIENT_METRICS_SETTINGS = {
  'interval.ms': int(300_000, { doc: 'How often a client would push what is subscribed to.' }),
  match: list('', { doc: 'Which clients: parameter=pattern, all of which have to match; empty for every client.' }),
  metrics: list('', { doc: 'Which metrics, by the beginning of their names; * for all, empty for none.' }),
} as const

export type ClientMetricsSettingName = keyof typeof CLIENT_METRICS_SETTINGS

export function clientMetricsConfigSpace(): ConfigSpace {
  return {
    // As in Kafka nothing here can be appended to.
    key: () => undefined,
    fallback: () => '',
    notAList: (name, operation) => new InvalidConfig(`Can't ${operation} to key ${name} because its type is not LIST.`),
    check: checkClientMetrics,
  }
}

function checkClientMetrics(texts: ReadonlyMap<string, string>): void {
  for (const name of texts.keys()) if (!isClientMetricsSetting(name)) throw new InvalidConfigRequest(`Unknown client metrics configuration: ${name}`)
  for (const [name, text] of texts) parseConfig(name, CLIENT_METRICS_SETTINGS[name as ClientMetricsSettingName] as ConfigKey, text)
  const interval = Number(texts.get('interval.ms') ?? CLIENT_METRICS_SETTINGS['interval.ms'].default)
  if (interval < INTERVAL_MS_MIN || interval > INTERVAL_MS_MAX) {
    throw new InvalidConfigRequest(`Invalid value ${interval} for interval.ms, interval must be between ${INTERVAL_MS_MIN} and ${INTERVAL_MS_MAX} (1 hour)`)
  }
  for (const pattern of parseList(texts.get('match') ?? '')) if (!isMatchPattern(pattern)) throw new InvalidConfig(`Illegal client matching pattern: ${pattern}`)
}

function isMatchPattern(text: string): boolean {
  const [parameter = '', pattern = '', ...rest] = text.split('=')
  if (rest.length > 0 || pattern === '' || !MATCH_PARAMETERS.has(parameter.trim())) return false
  try {
    new RegExp(pattern.trim())
    return true
  } catch {
    return false
  }
}

function isClientMetricsSetting(name: string): name is ClientMetricsSettingName {
  return Object.hasOwn(CLIENT_METRICS_SETTINGS, name)
}
