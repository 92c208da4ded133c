// Where a broker listens and what it tells clients: `listeners`, `advertised.listeners` and the map of protocols.

import { MillraceError } from '../shared/errors.ts'
import type { BrokerSettings } from './broker-settings.ts'

export type Endpoint = { readonly name: string; readonly host: string; readonly port: number }
export type Listeners = {
  /** What to open for clients and other brokers; an empty host is every interface. */
  readonly bind: readonly Endpoint[]
  /** Where the nodes of the quorum reach this one; null for a quorum of this node alone. */
  readonly controller: { readonly bind: Endpoint; readonly advertised: Endpoint } | null
  /** What to tell clients, by listener name; port 0 stands for the port that was bound. */
  readonly advertised: ReadonlyMap<string, Endpoint>
  readonly interBroker: string
}

export class InvalidListeners extends MillraceError {
  constructor(message: string) {
    super('INVALID_CONFIG', message)
  }
}

/** The listeners that the settings ask for. Throws InvalidListeners. */
export function resolveListeners(settings: BrokerSettings): Listeners {
  const controllerNames = new Set(settings['controller.listener.names'].map((name) => name.toUpperCase()))
  const protocols = parseProtocolMap(settings['listener.security.protocol.map'])
  const opened = parseEndpoints('listeners', settings.listeners)
  const bind = opened.filter(({ name }) => !controllerNames.has(name))
  if (bind.length === 0) throw new InvalidListeners('listeners names no address for clients')
  const ports = new Map<string, string>()
  for (const { name, host, port } of opened) {
    // As in Kafka, the map need not name the controller's listener.
    const protocol = protocols.get(name) ?? (controllerNames.has(name) ? 'PLAINTEXT' : undefined)
    if (protocol === undefined) throw new InvalidListeners(`listeners: no security protocol is defined for listener ${name} in listener.security.protocol.map`)
    if (protocol !== 'PLAINTEXT') throw new InvalidListeners(`listeners: ${name} asks for ${protocol}, and this broker speaks PLAINTEXT only`)
    const address = `${host}:${port}`
    const other = ports.get(address)
    if (port !== 0 && other !== undefined) throw new InvalidListeners(`listeners: ${other} and ${name} have the same address ${address}`)
    ports.set(address, name)
  }
  const given = settings['advertised.listeners']
  const named = given === null ? [] : parseEndpoints('advertised.listeners', given)
  const advertised = new Map<string, Endpoint>()
  for (const endpoint of named) {
    if (endpoint.host === '' || endpoint.host === '0.0.0.0' || endpoint.host === '::') throw new InvalidListeners(`advertised.listeners: ${endpoint.name} needs an address that clients can reach, not ${endpoint.host || 'every interface'}`)
    if (controllerNames.has(endpoint.name)) continue
    if (!bind.some(({ name }) => name === endpoint.name)) throw new InvalidListeners(`advertised.listeners: ${endpoint.name} is not one of listeners`)
    advertised.set(endpoint.name, endpoint)
  }
  for (const endpoint of bind) if (!advertised.has(endpoint.name)) advertised.set(endpoint.name, endpoint)
  const ofController = opened.find(({ name }) => controllerNames.has(name))
  const controller = ofController === undefined ? null : { bind: ofController, advertised: named.find(({ name }) => name === ofController.name) ?? ofController }
  const interBroker = (settings['inter.broker.listener.name'] ?? settings['security.inter.broker.protocol']).toUpperCase()
  if (settings['inter.broker.listener.name'] !== null && !advertised.has(interBroker)) throw new InvalidListeners(`inter.broker.listener.name: ${interBroker} is not one of listeners`)
  return { bind, controller, advertised, interBroker: advertised.has(interBroker) ? interBroker : (bind[0]?.name ?? interBroker) }
}

function parseProtocolMap(text: string): Map<string, string> {
  const entries = text.split(',').map((entry) => entry.trim().split(':'))
  return new Map(entries.map(([name, protocol]) => [(name ?? '').toUpperCase(), (protocol ?? '').toUpperCase()]))
}

function parseEndpoints(setting: string, texts: readonly string[]): Endpoint[] {
  const endpoints = texts.map((text) => parseEndpoint(setting, text))
  const names = endpoints.map(({ name }) => name)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw new InvalidListeners(`${setting}: each listener must have a different name, and ${repeated} comes twice`)
  return endpoints
}

/** NAME://host:port, where the host may be an IPv6 address in brackets or empty. */
function parseEndpoint(setting: string, text: string): Endpoint {
  const match = /^([A-Za-z0-9._-]+):\/\/(?:\[([0-9a-fA-F:.%]+)\]|([^:/[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[4])
  if (match === null || port > 65_535) throw new InvalidListeners(`${setting}: "${text}" is not of the form NAME://host:port`)
  return { name: (match[1] ?? '').toUpperCase(), host: match[2] ?? match[3] ?? '', port }
}
