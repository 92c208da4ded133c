// Apache Kafka for the comparison: from KAFKA_HOME, or fetched once through Maven into a cache directory.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const KAFKA_VERSION = '4.3.1'
const LOG4J_VERSION = '2.25.4'

const ARTIFACTS = [
  ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
  ['org.apache.kafka', 'kafka-tools', KAFKA_VERSION],
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION],
  ['org.apache.logging.log4j', 'log4j-core', LOG4J_VERSION],
] as const

/** A class path with the broker and its tools. */
export function kafkaClassPath(progress: (line: string) => void): string {
  const home = process.env['KAFKA_HOME']
  if (home !== undefined) {
    const libs = join(home, 'libs')
    if (!existsSync(libs)) throw new Error(`KAFKA_HOME=${home} has no libs directory`)
    return join(libs, '*')
  }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace-bench', `kafka-${KAFKA_VERSION}`)
  const jars = join(cache, 'jars')
  if (!existsSync(jars) || readdirSync(jars).length === 0) {
    progress(`fetching Apache Kafka ${KAFKA_VERSION} through Maven (once)`)
    mkdirSync(cache, { recursive: true })
    writeFileSync(join(cache, 'pom.xml'), pom())
    const result = spawnSync('mvn', ['-q', '-B', '-f', join(cache, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], { stdio: 'inherit' })
    if (result.status !== 0) throw new Error('Maven could not fetch Apache Kafka; set KAFKA_HOME to use an installed one')
  }
  return join(jars, '*')
}

function pom(): string {
  const dependencies = ARTIFACTS.map(([group, artifact, version]) => `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`)
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>${dependencies.join('')}</dependencies></project>`
}
