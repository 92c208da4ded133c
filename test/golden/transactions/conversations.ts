// What producers say to a transaction coordinator, step by step. The recorder holds these conversations with the real
// Kafka and writes the answers down; the test holds them with ours and compares.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'

export interface Talk {
  /** Sends and records; an answer of CONCURRENT_TRANSACTIONS is not recorded but asked again. */
  call<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
  /** Sends without recording. */
  quietly<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
  /** Returns once no transaction of the id is being completed. */
  completed(transactionalId: string): Promise<void>
  /** Returns once the open transaction of the id, which has a time-out of `TIMEOUT_MS`, was aborted for it. */
  timedOut(transactionalId: string): Promise<void>
}

export const TOPIC = 'golden'
export const PARTITION_COUNT = 3
/** Longer than any conversation between two steps, short enough to wait for. */
export const TIMEOUT_MS = 1_000
export const CONVERSATIONS: Record<string, (talk: Talk) => Promise<void>> = {
  initProducerId,
  initContinues,
  oneTransactionPerVersion,
  epochBumpCommit,
  epochBumpAbort,
  abortWithoutPartitions,
  wrongProducers,
  unknownPartitions,
  brokerBatches,
  verification,
  fencing,
  timeOut,
  newProducerAborts,
  mixedVersions,
  exhaustedEpochs,
  exhaustedByFencing,
  describeAndList,
  offsetCommits,
  markersOfOthers,
}

type Producer = { transactionalId: string; producerId: bigint; producerEpoch: number }

async function init(talk: Talk, transactionalId: string, version = 4, transactionTimeoutMs = 60_000): Promise<Producer> {
  const { producerId, producerEpoch } = await talk.call('InitProducerId', version, { transactionalId, transactionTimeoutMs })
  return { transactionalId, producerId, producerEpoch }
}

function add(talk: Talk, producer: Producer, version: number, partitions = [0], name = TOPIC): Promise<ResponseOf<'AddPartitionsToTxn'>> {
  const { transactionalId, producerId, producerEpoch } = producer
  const topics = [{ name, partitions }]
  if (version >= 4) return talk.call('AddPartitionsToTxn', version, { transactions: [{ transactionalId, producerId, producerEpoch, verifyOnly: false, topics }] })
  return talk.call('AddPartitionsToTxn', version, {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: topics,
  })
}

function verify(talk: Talk, producer: Producer, version: number, partitions = [0]): Promise<ResponseOf<'AddPartitionsToTxn'>> {
  return talk.call('AddPartitionsToTxn', version, { transactions: [{ ...producer, verifyOnly: true, topics: [{ name: TOPIC, partitions }] }] })
}

/** Ends the transaction and takes the producer on to its next epoch, where the version has one. */
async function end(talk: Talk, producer: Producer, version: number, committed = true): Promise<Producer> {
  const answer = await talk.call('EndTxn', version, { ...producer, committed })
  await talk.completed(producer.transactionalId)
  return version < 5 || answer.errorCode !== 0 ? producer : { ...producer, producerId: answer.producerId, producerEpoch: answer.producerEpoch }
}

async function initProducerId(talk: Talk): Promise<void> {
  for (let version = 0; version <= 5; version++) {
    await init(talk, `golden-init-${version}`, version)
    await init(talk, `golden-init-${version}`, version)
    await talk.call('InitProducerId', version, { transactionalId: null, transactionTimeoutMs: 60_000 })
    await talk.call('InitProducerId', version, { transactionalId: '', transactionTimeoutMs: 60_000 })
    for (const transactionTimeoutMs of [0, -1, 900_000, 900_001, 2_147_483_647]) {
      await talk.call('InitProducerId', version, { transactionalId: 'golden-init-timeout', transactionTimeoutMs })
    }
  }
  for (const [producerId, producerEpoch] of [[987_654_321n, -1], [-1n, 1]] as const) {
    for (const transactionalId of [null, 'golden-init-half']) {
      await talk.call('InitProducerId', 3, { transactionalId, transactionTimeoutMs: 60_000, producerId, producerEpoch })
    }
  }
}

async function initContinues(talk: Talk): Promise<void> {
  const continues = (transactionalId: string, producerId: bigint, producerEpoch: number, version = 4): Promise<ResponseOf<'InitProducerId'>> =>
    talk.call('InitProducerId', version, { transactionalId, transactionTimeoutMs: 30_000, producerId, producerEpoch })
  const id = 'golden-continues'
  const { producerId } = await init(talk, id)
  await continues(id, producerId, 0)
  await continues(id, producerId, 0)
  await continues(id, producerId, 1)
  for (const version of [3, 4, 5]) await continues(id, producerId, 0, version)
  await continues(id, producerId, 7)
  await continues(id, producerId + 1n, 2)
  await init(talk, id)
  await continues(id, producerId, 2)
  await continues(id, producerId, 3)
  await continues('golden-continues-unknown', producerId, 5)
  const { producerId: second } = await init(talk, 'golden-continues-open')
  const open = { transactionalId: 'golden-continues-open', producerId: second, producerEpoch: 0 }
  await add(talk, open, 3)
  await continues(open.transactionalId, second, 1)
  await continues(open.transactionalId, second, 0)
}

async function oneTransactionPerVersion(talk: Talk): Promise<void> {
  for (const [initVersion, addVersion, endVersion] of [[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 3, 4], [5, 3, 4]] as const) {
    const producer = await init(talk, `golden-versions-${initVersion}`, initVersion)
    for (const committed of [true, false]) {
      await add(talk, producer, addVersion, [0, 1])
      await add(talk, producer, addVersion, [1])
      await add(talk, producer, addVersion, [2])
      await talk.call('AddOffsetsToTxn', Math.min(addVersion, 4), { ...producer, groupId: 'golden-group' })
      await end(talk, producer, endVersion, committed)
      await end(talk, producer, endVersion, committed)
      await end(talk, producer, endVersion, !committed)
    }
    await init(talk, producer.transactionalId, initVersion)
    for (const committed of [true, false]) await talk.call('EndTxn', endVersion, { ...producer, producerEpoch: 1, committed })
  }
}

async function epochBumpCommit(talk: Talk): Promise<void> {
  for (const version of [4, 5]) {
    const first = await init(talk, `golden-bump-commit-${version}`)
    await add(talk, first, version, [0, 2])
    const second = await end(talk, first, 5)
    for (const committed of [true, false]) await talk.call('EndTxn', 5, { ...first, committed })
    await talk.call('EndTxn', 5, { ...second, committed: true })
    await talk.call('EndTxn', 5, { ...second, producerEpoch: 9, committed: true })
    await add(talk, second, version)
    await talk.call('EndTxn', 5, { ...first, committed: true })
    const third = await end(talk, second, 5)
    await talk.call('EndTxn', 5, { ...second, committed: true })
    await talk.call('EndTxn', 5, { ...first, committed: true })
    await end(talk, third, 5, false)
  }
}

async function epochBumpAbort(talk: Talk): Promise<void> {
  const first = await init(talk, 'golden-bump-abort')
  await add(talk, first, 4)
  const second = await end(talk, first, 5, false)
  for (const committed of [false, true]) await talk.call('EndTxn', 5, { ...first, committed })
  await talk.call('EndTxn', 5, { ...second, committed: true })
  const third = await end(talk, second, 5, false)
  await talk.call('EndTxn', 5, { ...second, committed: false })
  await talk.call('EndTxn', 5, { ...first, committed: false })
  await init(talk, third.transactionalId)
}

async function abortWithoutPartitions(talk: Talk): Promise<void> {
  const first = await init(talk, 'golden-abort-empty')
  await talk.call('EndTxn', 5, { ...first, committed: true })
  await talk.call('EndTxn', 5, { ...first, producerEpoch: 1, committed: false })
  const second = await end(talk, first, 5, false)
  await talk.call('EndTxn', 5, { ...first, committed: false })
  await talk.call('EndTxn', 5, { ...second, committed: true })
  await end(talk, second, 5, false)
}

async function wrongProducers(talk: Talk): Promise<void> {
  const good = await init(talk, 'golden-wrong')
  await init(talk, good.transactionalId)
  const wrong: Producer[] = [
    good,
    { ...good, producerEpoch: 5 },
    { ...good, producerId: good.producerId + 1_000_000n, producerEpoch: 1 },
    { ...good, transactionalId: 'golden-wrong-unknown' },
    { ...good, transactionalId: '' },
  ]
  for (const producer of wrong) {
    for (let version = 0; version <= 5; version++) await add(talk, producer, version)
    for (let version = 0; version <= 4; version++) await talk.call('AddOffsetsToTxn', version, { ...producer, groupId: 'golden-group' })
    for (let version = 0; version <= 5; version++) await talk.call('EndTxn', version, { ...producer, committed: true })
    for (let version = 0; version <= 5; version++) await talk.call('EndTxn', version, { ...producer, committed: false })
    for (const version of [4, 5]) await verify(talk, producer, version)
  }
}

async function unknownPartitions(talk: Talk): Promise<void> {
  const producer = await init(talk, 'golden-unknown')
  for (const version of [0, 3, 4]) {
    await add(talk, producer, version, [0], 'golden-no-such-topic')
    await add(talk, producer, version, [0, PARTITION_COUNT])
    await add(talk, producer, version, [-1])
    await add(talk, producer, version, [])
  }
  await talk.call('DescribeTransactions', 0, { transactionalIds: [producer.transactionalId] })
}

async function brokerBatches(talk: Talk): Promise<void> {
  const one = await init(talk, 'golden-batch-one')
  const two = await init(talk, 'golden-batch-two')
  const topics = [{ name: TOPIC, partitions: [0, 1] }]
  for (const version of [4, 5]) {
    await talk.call('AddPartitionsToTxn', version, {
      transactions: [
        { ...one, verifyOnly: false, topics },
        { ...two, producerEpoch: 3, verifyOnly: false, topics },
        { ...two, transactionalId: 'golden-batch-unknown', verifyOnly: true, topics },
      ],
    })
    await talk.call('AddPartitionsToTxn', version, { transactions: [{ ...one, verifyOnly: true, topics: [{ name: TOPIC, partitions: [0, 2] }] }] })
  }
}

async function verification(talk: Talk): Promise<void> {
  const producer = await init(talk, 'golden-verify')
  await verify(talk, producer, 4)
  await add(talk, producer, 3)
  for (const version of [4, 5]) {
    await verify(talk, producer, version, [0, 1])
    await verify(talk, producer, version, [0, 7])
  }
  await end(talk, producer, 4)
  await verify(talk, producer, 5)
}

async function fencing(talk: Talk): Promise<void> {
  const old = await init(talk, 'golden-fencing')
  await add(talk, old, 3)
  const now = await init(talk, old.transactionalId)
  for (let version = 0; version <= 4; version++) await add(talk, old, version)
  for (let version = 0; version <= 5; version++) await talk.call('EndTxn', version, { ...old, committed: true })
  await add(talk, now, 3)
  await end(talk, now, 4)
}

async function timeOut(talk: Talk): Promise<void> {
  for (const [addVersion, endVersion] of [[3, 4], [4, 5]] as const) {
    const producer = await init(talk, `golden-timeout-${addVersion}`, 4, TIMEOUT_MS)
    await add(talk, producer, addVersion)
    await talk.timedOut(producer.transactionalId)
    await talk.call('DescribeTransactions', 0, { transactionalIds: [producer.transactionalId] })
    for (const committed of [true, false]) await talk.call('EndTxn', endVersion, { ...producer, committed })
    await add(talk, producer, addVersion)
    await talk.call('InitProducerId', 4, { ...producer, transactionTimeoutMs: TIMEOUT_MS })
    await init(talk, producer.transactionalId, 4, TIMEOUT_MS)
  }
}

async function newProducerAborts(talk: Talk): Promise<void> {
  const producer = await init(talk, 'golden-takeover')
  await add(talk, producer, 4, [0, 1])
  const next = await init(talk, producer.transactionalId)
  await talk.call('DescribeTransactions', 0, { transactionalIds: [producer.transactionalId] })
  await talk.call('EndTxn', 5, { ...producer, committed: true })
  await add(talk, next, 4, [2])
  await end(talk, next, 5)
}

async function mixedVersions(talk: Talk): Promise<void> {
  const producer = await init(talk, 'golden-mixed')
  await add(talk, producer, 4)
  await end(talk, producer, 4)
  await talk.call('EndTxn', 5, { ...producer, committed: true })
  await add(talk, producer, 3)
  const next = await end(talk, producer, 5)
  await talk.call('EndTxn', 4, { ...producer, committed: true })
  await talk.call('EndTxn', 4, { ...next, committed: true })
  await talk.call('EndTxn', 4, { ...next, committed: false })
}

async function useUp(talk: Talk, transactionalId: string, lastEpoch: number): Promise<Producer> {
  for (;;) {
    const { errorCode, producerId, producerEpoch } = await talk.quietly('InitProducerId', 4, { transactionalId, transactionTimeoutMs: 60_000 })
    if (errorCode === 0 && producerEpoch === lastEpoch) return { transactionalId, producerId, producerEpoch }
  }
}

async function exhaustedEpochs(talk: Talk): Promise<void> {
  const last = await useUp(talk, 'golden-exhausted', 32_766)
  await add(talk, last, 4)
  const first = await end(talk, last, 5)
  for (const committed of [true, false]) await talk.call('EndTxn', 5, { ...last, committed })
  await add(talk, first, 4)
  await talk.call('EndTxn', 5, { ...last, committed: true })
  await end(talk, first, 5)
  await talk.call('EndTxn', 5, { ...first, committed: true })

  const again = await useUp(talk, 'golden-exhausted-init', 32_766)
  const continues = (producer: Producer): Promise<ResponseOf<'InitProducerId'>> => talk.call('InitProducerId', 4, { ...producer, transactionTimeoutMs: 60_000 })
  await continues({ ...again, producerEpoch: 32_765 })
  await continues(again)
  await continues(again)
  await continues({ ...again, producerEpoch: 32_765 })
  await init(talk, again.transactionalId)
}

async function exhaustedByFencing(talk: Talk): Promise<void> {
  for (const epoch of [32_765, 32_766]) {
    const last = await useUp(talk, `golden-exhausted-fence-${epoch}`, epoch)
    await add(talk, last, 3)
    await init(talk, last.transactionalId)
    await talk.call('EndTxn', 4, { ...last, committed: true })
    await talk.call('DescribeTransactions', 0, { transactionalIds: [last.transactionalId] })
  }
}

async function describeAndList(talk: Talk): Promise<void> {
  const open = await init(talk, 'golden-list-open')
  await add(talk, open, 3, [2, 0])
  await talk.call('AddOffsetsToTxn', 3, { ...open, groupId: 'golden-group' })
  const done = await init(talk, 'golden-list-done')
  await add(talk, done, 4)
  await end(talk, done, 5)
  await init(talk, 'golden-list-idle')
  await talk.call('DescribeTransactions', 0, { transactionalIds: ['golden-list-open', 'golden-list-done', 'golden-list-idle', 'golden-list-none', '', 'golden-list-open'] })
  const mine = { transactionalIdPattern: 'golden-list-.*' }
  for (const request of [
    mine,
    { ...mine, stateFilters: ['Ongoing', 'Empty'] },
    { ...mine, stateFilters: ['CompleteCommit', 'NoSuchState', 'Dead', 'PrepareEpochFence', 'empty'] },
    { ...mine, stateFilters: ['NoSuchState'] },
    { ...mine, producerIdFilters: [open.producerId, done.producerId] },
    { ...mine, producerIdFilters: [987_654_321n] },
    { ...mine, durationFilter: 3_600_000n },
    { ...mine, durationFilter: 0n, stateFilters: ['Ongoing'] },
    { transactionalIdPattern: 'list-open' },
    { transactionalIdPattern: 'golden-list-(open|idle)' },
    { transactionalIdPattern: '[' },
  ]) {
    await talk.call('ListTransactions', 2, request)
  }
  await talk.call('ListTransactions', 1, { producerIdFilters: [open.producerId], durationFilter: 3_600_000n })
  await talk.call('ListTransactions', 0, { producerIdFilters: [open.producerId], stateFilters: ['NoSuchState'] })
}

async function offsetCommits(talk: Talk): Promise<void> {
  const groupId = 'golden-offsets'
  const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }, { partitionIndex: 1, committedOffset: 8n, committedMetadata: '' }] }]
  for (let version = 0; version <= 5; version++) {
    const producer = await init(talk, `golden-offsets-${version}`)
    const commit = (from: Producer): Promise<ResponseOf<'TxnOffsetCommit'>> => talk.call('TxnOffsetCommit', version, { ...from, groupId, topics })
    await commit(producer)
    await talk.call('AddOffsetsToTxn', 3, { ...producer, groupId })
    await commit(producer)
    await commit({ ...producer, producerEpoch: 1 })
    await commit({ ...producer, producerId: producer.producerId + 1_000_000n })
    await commit({ ...producer, transactionalId: 'golden-offsets-unknown' })
    await end(talk, producer, 4)
    await commit(producer)
  }
}

async function markersOfOthers(talk: Talk): Promise<void> {
  const { producerId } = await talk.call('InitProducerId', 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
  const marker = { producerId, producerEpoch: 0, transactionResult: true, coordinatorEpoch: 0 }
  for (const version of [1, 2]) {
    await talk.call('WriteTxnMarkers', version, { markers: [{ ...marker, topics: [{ name: TOPIC, partitionIndexes: [0, 2] }] }] })
    await talk.call('WriteTxnMarkers', version, { markers: [{ ...marker, topics: [{ name: TOPIC, partitionIndexes: [0, 9] }, { name: 'golden-no-such-topic', partitionIndexes: [0] }] }] })
    await talk.call('WriteTxnMarkers', version, { markers: [] })
  }
}
