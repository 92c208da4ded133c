// How this node takes part in the metadata quorum: who begins it, and where others are found.

import { hostname } from 'node:os'
import { MillraceError } from '../shared/errors.ts'
import type { BrokerSettings } from './broker-settings.ts'
import type { Listeners } from './listeners.ts'

export type ControllerAddress = { readonly host: string; readonly port: number }
export type StaticVoter = ControllerAddress & { readonly nodeId: number }
export type QuorumConfig = {
  /** Those that begin the quorum together; none where this node begins one alone or joins another's. */
  readonly voters: readonly StaticVoter[]
  /** Other nodes' controller listeners. */
  readonly otherServers: readonly ControllerAddress[]
  readonly becomesVoter: boolean
  /** A voter that hears nothing of a leader for a time between these two begins an election. */
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
}

class InvalidQuorum extends MillraceError {
  constructor(message: string) {
    super('INVALID_CONFIG', message)
  }
}

/** Throws a MillraceError where the settings contradict each other. */
export function resolveQuorum(settings: BrokerSettings, nodeId: number, { controller }: Listeners): QuorumConfig {
  const given = settings['controller.quorum.voters'].map(parseVoter)
  const repeated = given.find(({ nodeId: id }, place) => given.findIndex((other) => other.nodeId === id) !== place)
  if (repeated !== undefined) throw new InvalidQuorum(`controller.quorum.voters names node ${repeated.nodeId} twice`)
  if (given.length > 0 && !given.some(({ nodeId: id }) => id === nodeId)) {
    throw new InvalidQuorum(`controller.quorum.voters does not name this node (${nodeId}); a node that is added later names the others in controller.quorum.bootstrap.servers`)
  }
  const others = given.filter(({ nodeId: id }) => id !== nodeId)
  const servers = settings['controller.quorum.bootstrap.servers'].map((text) => parseAddress('controller.quorum.bootstrap.servers', text))
  const otherServers = servers.filter((server) => controller === null || !isOwn(server, controller))
  if (controller === null && others.length > 0) throw new InvalidQuorum(`controller.quorum.voters names other nodes, and listeners has none of controller.listener.names (${settings['controller.listener.names'].join(',')}) to reach this one at`)
  // A properties file for a single node may name the controller's address though its listener was taken out.
  const reachable = controller === null ? [] : otherServers
  const electionTimeoutMinMs = settings['controller.quorum.election.timeout.ms']
  return {
    voters: others.length === 0 ? [] : given,
    otherServers: [...reachable, ...others.map(({ host, port }) => ({ host, port }))],
    // One that the settings name as a voter is to be one, also after it lost its disk.
    becomesVoter: settings['controller.quorum.auto.join.enable'] || others.length > 0,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: Math.max(settings['controller.quorum.fetch.timeout.ms'], 2 * electionTimeoutMinMs),
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1'])
const EVERY_INTERFACE = new Set(['', '0.0.0.0', '::'])

/** Whether an address is this node's own, as far as its settings tell. */
function isOwn({ host, port }: ControllerAddress, { bind, advertised }: NonNullable<Listeners['controller']>): boolean {
  if (port !== bind.port && port !== advertised.port) return false
  if (host === bind.host || host === advertised.host) return true
  const isLocal = LOOPBACK.has(host) || host === hostname()
  return isLocal && (EVERY_INTERFACE.has(bind.host) || LOOPBACK.has(bind.host) || bind.host === hostname())
}

function parseVoter(text: string): StaticVoter {
  const match = /^(\d+)@(.+)$/.exec(text)
  if (match === null) throw new InvalidQuorum(`controller.quorum.voters: "${text}" is not of the form id@host:port`)
  return { nodeId: Number(match[1]), ...parseAddress('controller.quorum.voters', match[2] ?? '') }
}

/** host:port, where the host may be an IPv6 address in brackets. */
function parseAddress(setting: string, text: string): ControllerAddress {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new InvalidQuorum(`${setting}: "${text}" is not of the form host:port`)
  return { host: match[1] ?? match[2] ?? '', port }
}
