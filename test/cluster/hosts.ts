// Where the nodes of a cluster live: all on loopback, or each on a host of its own, which is a network namespace with one
// link to a bridge and a small file system for its data. The namespaces belong to the process that made them and go with it.

import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerAddress } from '../support/cluster-client.ts'
import type { Link, Place } from './cluster-under-test.ts'
import { freePorts } from '../support/free-port.ts'

export interface Hosts {
  readonly canCutLinks: boolean
  readonly canFillDisks: boolean
  /** Makes a node's host; its data goes to the directory that is returned. */
  add(nodeId: number, dir: string): string
  broker(nodeId: number): BrokerAddress
  controller(nodeId: number): BrokerAddress
  /** The command that runs a command there. */
  command(nodeId: number, command: readonly string[]): readonly string[]
  cut(links: readonly Link[]): void
  /** Also links that were not cut. */
  mend(links: readonly Link[]): void
  fillDisk(nodeId: number): void
  freeDisk(nodeId: number): void
  /** Once no node runs; what is on their disks is kept where they were, if asked for. */
  close(keep: boolean): void
}

const NODES_MAX = 4

/** Every node on 127.0.0.1. */
export class LoopbackHosts implements Hosts {
  readonly canCutLinks = false
  readonly canFillDisks = false
  readonly #ports: readonly number[]

  private constructor(ports: readonly number[]) {
    this.#ports = ports
  }

  /** Ports from this one on. */
  static from(port: number): LoopbackHosts {
    return new LoopbackHosts(Array.from({ length: 2 * NODES_MAX }, (_, index) => port + index))
  }

  /** Ports that nobody uses now. */
  static async free(): Promise<LoopbackHosts> {
    return new LoopbackHosts(await freePorts(2 * NODES_MAX))
  }

  add(_nodeId: number, dir: string): string {
    return join(dir, 'data')
  }

  broker(nodeId: number): BrokerAddress {
    return { host: '127.0.0.1', port: this.#ports[nodeId - 1] ?? 0 }
  }

  controller(nodeId: number): BrokerAddress {
    return { host: '127.0.0.1', port: this.#ports[NODES_MAX + nodeId - 1] ?? 0 }
  }

  command(_nodeId: number, command: readonly string[]): readonly string[] {
    return command
  }

  cut(): void {
    throw new Error('links between processes on one host cannot be cut')
  }

  mend(): void {}

  fillDisk(): void {
    throw new Error('nodes on one host share its disk')
  }

  freeDisk(): void {}

  close(): void {}
}

const SUBNET = '10.213.0'
const BROKER_PORT = 9092
const CONTROLLER_PORT = 9093
const BRIDGE = 'br0'
/** A hardware address that no host has: what is sent to it arrives nowhere, and nobody is told. */
const NOWHERE = '02:00:00:00:00:ff'
const INSIDE = 'MILLRACE_CLUSTER_HOSTS'

export class NamespaceHosts implements Hosts {
  readonly canCutLinks = true
  readonly canFillDisks = true
  readonly #diskMegabytes: number
  readonly #disks = new Map<number, string>()

  /** Must run inside namespaces of its own, see `intoNamespaces`. */
  constructor(diskMegabytes: number) {
    this.#diskMegabytes = diskMegabytes
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', BRIDGE, 'type', 'bridge')
    ip('addr', 'add', `${addressOf('clients')}/24`, 'dev', BRIDGE)
    ip('link', 'set', BRIDGE, 'up')
    mkdirSync('/run/netns', { recursive: true })
    run('mount', '-t', 'tmpfs', 'netns', '/run/netns')
  }

  add(nodeId: number, dir: string): string {
    const [host, link] = [hostOf(nodeId), `veth${nodeId}`]
    ip('netns', 'add', host)
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host)
    ip('link', 'set', link, 'master', BRIDGE, 'up')
    ip('-n', host, 'addr', 'add', `${addressOf(nodeId)}/24`, 'dev', 'eth0')
    ip('-n', host, 'link', 'set', 'eth0', 'up')
    ip('-n', host, 'link', 'set', 'lo', 'up')
    const disk = join(dir, 'disk')
    mkdirSync(disk, { recursive: true })
    run('mount', '-t', 'tmpfs', '-o', `size=${this.#diskMegabytes}m`, 'disk', disk)
    this.#disks.set(nodeId, disk)
    return join(disk, 'data')
  }

  broker(nodeId: number): BrokerAddress {
    return { host: addressOf(nodeId), port: BROKER_PORT }
  }

  controller(nodeId: number): BrokerAddress {
    return { host: addressOf(nodeId), port: CONTROLLER_PORT }
  }

  command(nodeId: number, command: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/run/netns/${hostOf(nodeId)}`, ...command]
  }

  cut(links: readonly Link[]): void {
    for (const [from, destinations] of bySource(links)) {
      ipBatch(from, destinations.map((to) => `neigh replace ${addressOf(to)} lladdr ${NOWHERE} nud permanent dev ${deviceOf(from)}`))
    }
  }

  mend(links: readonly Link[]): void {
    for (const [from, destinations] of bySource(links)) {
      // An entry that is there by then can be deleted, whoever made it.
      ipBatch(from, destinations.flatMap((to) => [`neigh replace ${addressOf(to)} lladdr ${NOWHERE} nud permanent dev ${deviceOf(from)}`, `neigh del ${addressOf(to)} dev ${deviceOf(from)}`]))
    }
  }

  fillDisk(nodeId: number): void {
    const file = openSync(this.#filler(nodeId), 'w')
    try {
      for (let size = 1 << 20; size >= 1; size >>= 1) {
        const zeros = Buffer.alloc(size)
        for (;;) {
          try {
            if (writeSync(file, zeros) < size) break
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
            break
          }
        }
      }
    } finally {
      closeSync(file)
    }
  }

  freeDisk(nodeId: number): void {
    rmSync(this.#filler(nodeId), { force: true })
  }

  close(keep: boolean): void {
    for (const [nodeId, disk] of this.#disks) {
      this.freeDisk(nodeId)
      if (keep) run('cp', '-r', '--sparse=always', disk, `${disk}-kept`)
      run('umount', '-l', disk)
    }
    this.#disks.clear()
  }

  #filler(nodeId: number): string {
    return join(this.#disks.get(nodeId) ?? '', 'filler')
  }
}

/**
 * Whether this process may make hosts. The first call runs the same command again in namespaces of its own (network,
 * mounts, processes), as root or as root of a user namespace, and exits with its status; where neither is allowed it
 * returns false.
 */
export function intoNamespaces(): boolean {
  if (process.env[INSIDE] !== undefined) return true
  const own = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const ways = process.getuid?.() === 0 ? [own] : [['--user', '--map-root-user', ...own]]
  const way = ways.find((flags) => spawnSync('unshare', [...flags, 'ip', 'link', 'add', BRIDGE, 'type', 'bridge'], { stdio: 'ignore' }).status === 0)
  if (way === undefined) return false
  // The first process of a process namespace takes what its children leave; the shell is that, and waits.
  const script = `"$@"; exit $?`
  const result = spawnSync('unshare', [...way, 'sh', '-c', script, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
  process.exit(result.status ?? 1)
}

function hostOf(nodeId: number): string {
  return `node${nodeId}`
}

function addressOf(place: Place): string {
  return `${SUBNET}.${place === 'clients' ? 1 : 10 + place}`
}

function bySource(links: readonly Link[]): Map<Place, Place[]> {
  const destinations = new Map<Place, Place[]>()
  for (const { from, to } of links) destinations.set(from, [...(destinations.get(from) ?? []), to])
  return destinations
}

function deviceOf(place: Place): string {
  return place === 'clients' ? BRIDGE : 'eth0'
}

function ip(...args: string[]): void {
  run('ip', ...args)
}

/** One process for many changes: on a crowded machine each takes long to start. */
function ipBatch(place: Place, lines: readonly string[]): void {
  const host = place === 'clients' ? [] : ['-n', hostOf(place)]
  execFileSync('ip', [...host, '-batch', '-'], { input: lines.map((line) => `${line}\n`).join(''), stdio: ['pipe', 'ignore', 'pipe'] })
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
