// The two brokers that a cluster may be made of.

import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { kafkaClassPath } from '../../bench/kafka/apache-kafka.ts'
import { JVM, log4j, logging } from '../../bench/kafka/brokers.ts'
import type { ClusterUnderTest, System } from './cluster-under-test.ts'
import type { ClusterOptions, NodeSetup } from './process-cluster.ts'
import { ProcessCluster } from './process-cluster.ts'

const CLUSTER_ID = 'bWlsbHJhY2UtY2x1c3RlQQ'
const COMPILED_MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Where nothing is measured: small, and at its best soon. */
const LIGHT_JVM = ['-Xmx512M', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true']

/** `measured` says whether what the brokers need or how fast they are is looked at: then Kafka runs as it does by default. */
export function clusterOf(system: System, options: ClusterOptions, measured: boolean, progress: (line: string) => void): ClusterUnderTest {
  return system === 'millrace' ? new MillraceCluster(options) : new KafkaCluster(options, kafkaClassPath(progress), measured ? JVM : LIGHT_JVM)
}

class MillraceCluster extends ProcessCluster {
  readonly system = 'millrace'
  protected readonly addedNodeMayVote = true

  protected async prepare(): Promise<void> {}

  protected command({ settingsFile }: NodeSetup): readonly string[] {
    return [process.execPath, existsSync(COMPILED_MAIN) ? COMPILED_MAIN : MAIN, 'serve', settingsFile, '--admin-port', 'none']
  }
}

class KafkaCluster extends ProcessCluster {
  readonly system = 'kafka'
  protected readonly addedNodeMayVote = false
  readonly #classPath: string
  readonly #jvm: readonly string[]

  constructor(options: ClusterOptions, classPath: string, jvm: readonly string[]) {
    super(options)
    this.#classPath = classPath
    this.#jvm = jvm
  }

  protected async prepare({ dir, settingsFile }: NodeSetup): Promise<void> {
    writeFileSync(join(dir, 'log4j2.properties'), log4j(join(dir, 'server.log')))
    await promisify(execFile)('java', ['-Xmx256M', '-XX:TieredStopAtLevel=1', ...logging(dir), '-cp', this.#classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', settingsFile])
  }

  protected command({ dir, settingsFile }: NodeSetup): readonly string[] {
    return ['java', ...this.#jvm, ...logging(dir), '-cp', this.#classPath, 'kafka.Kafka', settingsFile]
  }
}
