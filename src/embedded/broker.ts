// A broker inside a program: one call to start it, one to close it without a trace.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBrokerConfig } from '../config/broker-config.ts'
import { Logging } from '../shared/logger.ts'
import type { LogLevel } from '../shared/logger.ts'
import { BrokerNode } from '../broker/broker.ts'

export type BrokerOptions = {
  /** Port on `host`; 0, the default, takes a free one. */
  readonly port?: number
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string
  /** Where the data is kept. By default a temporary directory that `close` removes. */
  readonly dataDir?: string
  /** Port of the HTTP admin API on `host`; 0 takes a free one. Without it there is no admin API. */
  readonly adminPort?: number
  /** Further settings under Kafka's names. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** What is written to the standard output: this level and those above. WARN by default. */
  readonly logLevel?: LogLevel
}

type AdminServer = { readonly url: string; close(): void }

/** A running broker that any Kafka client can use. */
export class Broker {
  readonly host: string
  readonly port: number
  /** For a client's list of brokers: `host:port`. */
  readonly bootstrapServers: string
  readonly clusterId: string
  readonly dataDir: string
  /** Where the admin API is; null without one. */
  readonly adminUrl: string | null
  readonly #admin: AdminServer | null
  readonly #node: BrokerNode
  readonly #temporary: boolean

  private constructor(node: BrokerNode, admin: AdminServer | null, dataDir: string, temporary: boolean) {
    const [listener] = node.listeners
    this.host = listener?.host ?? ''
    this.port = listener?.port ?? 0
    this.bootstrapServers = `${this.host}:${this.port}`
    this.clusterId = node.clusterId
    this.dataDir = dataDir
    this.adminUrl = admin?.url ?? null
    this.#admin = admin
    this.#node = node
    this.#temporary = temporary
  }

  /** Starts a broker; resolves once it accepts connections. Throws a MillraceError in one line where it cannot. */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const { port = 0, host = '127.0.0.1', settings = {}, logLevel = 'WARN' } = options
    const temporary = options.dataDir === undefined
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'millrace-'))
    try {
      const given = Object.entries(settings).map(([name, value]): [string, string] => [name, String(value)])
      const values = new Map([['listeners', `PLAINTEXT://${host}:${port}`], ['log.dirs', dataDir], ...given])
      const config = loadBrokerConfig([{ origin: 'Broker.start', values }])
      const node = await BrokerNode.start({ config, logging: new Logging({ level: logLevel }) })
      const admin = options.adminPort === undefined ? null : await startAdminOf(node, `http://${host}:${options.adminPort}`)
      return new Broker(node, admin, dataDir, temporary)
    } catch (error) {
      if (temporary) rmSync(dataDir, { recursive: true, force: true })
      throw error
    }
  }

  /** Stops the broker; afterwards nothing of it is left but the data in a directory that the caller named. */
  async close(): Promise<void> {
    this.#admin?.close()
    await this.#node.close()
    if (this.#temporary) rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** Loads the admin API only here: a broker without one pays nothing for it. */
async function startAdminOf(node: BrokerNode, address: string): Promise<AdminServer> {
  try {
    const { startAdmin } = await import('../admin/start.ts')
    return await startAdmin(node, address)
  } catch (error) {
    await node.close()
    throw error
  }
}
