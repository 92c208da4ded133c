// This broker's log directories as the cluster knows them: the id of each, which have failed, and which take no new
// replicas (KIP-1066).

import { brokerText } from '../config/config-layers.ts'
import type { ConfigLayers } from '../config/config-layers.ts'
import { ALL_LOG_DIRS, CORDONED_LOG_DIRS, isSameDirectory } from '../config/cordoned-directories.ts'
import type { Uuid } from '../shared/uuid.ts'

export type LogDirectory = { readonly path: string; readonly id: Uuid }

export class LogDirectories {
  /** In the order of `log.dirs`. */
  readonly all: readonly LogDirectory[]
  readonly #layers: () => ConfigLayers
  readonly #failed = new Set<LogDirectory>()

  constructor(all: readonly LogDirectory[], layers: () => ConfigLayers) {
    this.all = all
    this.#layers = layers
  }

  at(path: string): LogDirectory | undefined {
    return this.all.find((directory) => directory.path === path)
  }

  get online(): readonly LogDirectory[] {
    return this.all.filter((directory) => !this.#failed.has(directory))
  }

  get offline(): readonly LogDirectory[] {
    return this.all.filter((directory) => this.#failed.has(directory))
  }

  get cordoned(): readonly LogDirectory[] {
    return this.all.filter(({ path }) => this.isCordoned(path))
  }

  isOnline(path: string): boolean {
    return this.online.some((directory) => directory.path === path)
  }

  isCordoned(path: string): boolean {
    const names = (brokerText(this.#layers(), CORDONED_LOG_DIRS) ?? '').split(',').map((name) => name.trim())
    return names.some((name) => name === ALL_LOG_DIRS || (name !== '' && isSameDirectory(name, path)))
  }

  /** It stays offline until the broker starts again, as in Kafka. Returns whether that is news. */
  fail(path: string): boolean {
    const directory = this.at(path)
    if (directory === undefined || this.#failed.has(directory)) return false
    this.#failed.add(directory)
    return true
  }
}
