// Three processes, a leader killed with kill -9 under load: everything that was acknowledged is there, once, in order, on
// every replica. The long form, with all other faults, is `npm run faults`.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ClusterAdmin, untilInSync } from '../cluster/cluster-admin.ts'
import { clusterOf } from '../cluster/clusters.ts'
import { LoopbackHosts } from '../cluster/hosts.ts'
import { ClusterClient } from '../support/cluster-client.ts'
import { produceVersion12, readAll } from '../support/produce-fetch.ts'

const TOPIC = 'survivors'
const PARTITION_COUNT = 3
const BATCHES_BEFORE = 30
const BATCHES_AFTER = 30
const IN_SYNC_MS = 20_000
const SETTINGS = { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '200' }

test('nothing acknowledged is lost, repeated or moved when the leader of a partition is killed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-cluster-'))
  const cluster = clusterOf('millrace', { hosts: await LoopbackHosts.free(), dir, settings: SETTINGS }, false, () => {})
  onTestFinished(async () => {
    await cluster.stop()
    rmSync(dir, { recursive: true })
  })
  await cluster.start()
  const admin = new ClusterAdmin(cluster.bootstrap)
  onTestFinished(() => admin.close())
  await admin.createTopic(TOPIC, PARTITION_COUNT)
  expect(await untilInSync(cluster.bootstrap, [TOPIC], IN_SYNC_MS)).toEqual([])

  const writers = Array.from({ length: PARTITION_COUNT }, (_, partition) => new Writer(cluster.bootstrap, partition))
  onTestFinished(() => writers.forEach((writer) => writer.close()))
  await Promise.all(writers.map((writer) => writer.write(BATCHES_BEFORE)))
  const victim = (await admin.partitions([TOPIC]))[0]?.leader ?? -1
  // Writers are at it while the leader dies.
  const writing = Promise.all(writers.map((writer) => writer.write(BATCHES_AFTER)))
  await cluster.stopNode(victim, 'KILL')
  await writing
  await cluster.startNode(victim)
  expect(await untilInSync(cluster.bootstrap, [TOPIC], IN_SYNC_MS)).toEqual([])

  const client = new ClusterClient(cluster.bootstrap)
  onTestFinished(() => client.close())
  for (const { partition, acknowledged } of writers) {
    const stored = await readAll(await client.leader(TOPIC, partition), TOPIC, partition)
    expect([...stored], `partition ${partition} after the kill of broker ${victim}`).toEqual(acknowledged)
  }
  expect(cluster.takeUnexpectedEnds()).toEqual([])
}, 60_000)

/** One idempotent producer of one partition, one batch at a time. */
class Writer {
  readonly partition: number
  readonly acknowledged: [offset: bigint, value: string][] = []
  readonly #client: ClusterClient
  #producerId = -1n
  #sent = 0

  constructor(bootstrap: ConstructorParameters<typeof ClusterClient>[0], partition: number) {
    this.partition = partition
    this.#client = new ClusterClient(bootstrap, 3_000)
  }

  async write(batchCount: number): Promise<void> {
    for (const end = this.#sent + batchCount; this.#sent < end; this.#sent++) await this.#writeOne(`${this.partition} value ${this.#sent}`)
  }

  async #writeOne(value: string): Promise<void> {
    for (;;) {
      try {
        if (this.#producerId < 0n) this.#producerId = (await (await this.#client.any()).call('InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 60_000 })).producerId
        const sequence = { producerId: this.#producerId, producerEpoch: 0, baseSequence: this.#sent }
        const { errorCode, baseOffset } = await produceVersion12(await this.#client.leader(TOPIC, this.partition), null, TOPIC, this.partition, [value], sequence)
        if (errorCode === 0) return void this.acknowledged.push([baseOffset, value])
      } catch {
        // Sent again, to whoever leads by then.
      }
      this.#client.forget()
    }
  }

  close(): void {
    this.#client.close()
  }
}
