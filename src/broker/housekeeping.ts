// What a broker does for its logs by itself: it drops what has expired, and compacts what has grown dirty.

import { compactionPolicy } from './compaction.ts'
import { CompactionRunner } from './compaction-runner.ts'
import type { BrokerContext } from './broker-context.ts'
import { retentionPolicy } from './retention.ts'
import { RetentionRunner } from './retention-runner.ts'
import { compactionSettings } from './settings.ts'

export class Housekeeping {
  readonly #context: Pick<BrokerContext, 'metadata' | 'configs'>
  readonly #retention: RetentionRunner
  readonly #compaction: CompactionRunner
  readonly #compacts: boolean

  constructor(context: Pick<BrokerContext, 'config' | 'dataPlane' | 'metadata' | 'configs' | 'clock' | 'timers' | 'logging'>) {
    const { config, dataPlane, metadata, configs, clock, timers, logging } = context
    this.#context = context
    this.#compacts = config.settings['log.cleaner.enable']
    this.#retention = new RetentionRunner({
      dataPlane, clock, timers, logger: logging.logger('retention'),
      policyOf: (topic) => (metadata.image.topicsByName.has(topic) ? retentionPolicy(configs.topicSettings(metadata.image, topic)) : null),
      shortestRetentionMs: () => this.#shortestRetentionMs(),
      intervalMs: config.settings['log.retention.check.interval.ms'],
    })
    this.#compaction = new CompactionRunner({
      dataPlane, clock, timers, logger: logging.logger('compaction'),
      topics: () => this.#compactedTopics(),
      settings: () => compactionSettings(configs.layers(metadata.image)),
    })
  }

  start(): void {
    this.#retention.start()
    if (this.#compacts) this.#compaction.start()
  }

  /** Resolves once no log is being shortened; a compaction under way ends with the data plane. */
  async close(): Promise<void> {
    this.#compaction.close()
    await this.#retention.close()
  }

  #compactedTopics(): { name: string; policy: ReturnType<typeof compactionPolicy> }[] {
    const { metadata, configs } = this.#context
    const { image } = metadata
    const all = [...image.topicsByName.keys()].map((name) => ({ name, policy: compactionPolicy(configs.topicSettings(image, name)) }))
    return all.filter(({ policy }) => policy.compacts)
  }

  #shortestRetentionMs(): number {
    const { metadata, configs } = this.#context
    const { image } = metadata
    let shortest = Number.MAX_SAFE_INTEGER
    for (const name of image.topicsByName.keys()) {
      const { retentionMs, deletes } = retentionPolicy(configs.topicSettings(image, name))
      if (deletes && retentionMs >= 0) shortest = Math.min(shortest, retentionMs)
    }
    return shortest
  }
}
