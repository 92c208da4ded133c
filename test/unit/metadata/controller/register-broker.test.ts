import { expect, test } from 'vitest'
import type { ClusterImage } from '../../../../src/metadata/cluster-image.ts'
import { registerBroker } from '../../../../src/metadata/controller/register-broker.ts'
import { SUPPORTED_FEATURES } from '../../../../src/metadata/features.ts'
import type { BrokerRegistrationRequest } from '../../../../src/protocol/messages.ts'
import { errorName, KafkaError } from '../../../../src/protocol/error-codes.ts'
import type { Uuid } from '../../../../src/shared/uuid.ts'
import { after, broker, changesOf, cluster, CLUSTER_ID, dirOf, epochOf, idOf, NO_ELR, partitionOf } from '../../../support/cluster-images.ts'
import type { ClusterOf, PartitionOf } from '../../../support/cluster-images.ts'

const policies = () => ({ minInsyncReplicas: 1, allowsUncleanElection: false })

function request(brokerId: number, change: Partial<BrokerRegistrationRequest> = {}): BrokerRegistrationRequest {
  return {
    brokerId,
    clusterId: CLUSTER_ID,
    incarnationId: idOf('new-run'),
    listeners: [{ name: 'PLAINTEXT', host: 'new', port: 1, securityProtocol: 1 }],
    features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
    rack: 'r',
    isMigratingZkBroker: false,
    logDirs: [dirOf(brokerId)],
    previousBrokerEpoch: -1n,
    ...change,
  }
}

const register = (image: ClusterImage, asked: BrokerRegistrationRequest, isAlive = false, partitionCountMax = 100) => registerBroker(image, asked, { policies, partitionCountMax, isAlive })

test('a new broker is registered as it says, fenced, with the offset of the record as its epoch', () => {
  const image = cluster()
  const { records, response } = register(image, request(4))
  expect(response).toEqual({ epoch: image.offset + 1n, isLast: true })
  const next = after(image, records)
  expect(next.offset).toBe(response.epoch)
  expect(next.brokers.get(4)).toEqual({
    ...broker(4),
    epoch: response.epoch,
    incarnationId: idOf('new-run'),
    endpoints: [{ name: 'PLAINTEXT', host: 'new', port: 1, securityProtocol: 1 }],
    rack: 'r',
    fenced: true,
  })
})

test.each<[string, Partial<BrokerRegistrationRequest>, string, string]>([
  ['another cluster', { clusterId: 'x' }, 'INCONSISTENT_CLUSTER_ID', `Expected cluster ID ${CLUSTER_ID}, but got cluster ID x`],
  ['no directory', { logDirs: [] }, 'INVALID_REGISTRATION', 'No directories specified in request'],
  ['a reserved directory', { logDirs: ['AAAAAAAAAAAAAAAAAAAAAQ' as Uuid] }, 'INVALID_REGISTRATION', 'Reserved directory ID in request'],
  ['a directory twice', { logDirs: [dirOf(4), dirOf(4)] }, 'INVALID_REGISTRATION', 'Duplicate directory ID in request'],
  ["another broker's directory", { logDirs: [dirOf(2)] }, 'INVALID_REGISTRATION', `Broker 2 is already registered with directory ${dirOf(2)}`],
  ['no metadata version', { features: [] }, 'INVALID_REGISTRATION', 'The request names no metadata.version that the broker supports.'],
  [
    'an older metadata version',
    { features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 29 }] },
    'UNSUPPORTED_VERSION',
    'Unable to register because the broker does not support finalized version 30 of metadata.version. The broker wants a version between 7 and 29, inclusive.',
  ],
  [
    'without a feature that is finalized',
    { features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }] },
    'UNSUPPORTED_VERSION',
    'Unable to register because the broker does not support finalized version 2 of transaction.version. The broker wants a version between 0 and 0, inclusive.',
  ],
])('refused: %s', (_what, change, name, message) => {
  try {
    register(cluster(), request(4, change))
    expect.unreachable()
  } catch (error) {
    expect([errorName((error as KafkaError).errorCode), (error as KafkaError).message]).toEqual([name, message])
  }
})

test('an id is not given to another process while its own is alive, unless that one has handed its directories over', () => {
  const image = cluster()
  const elsewhere = { logDirs: [dirOf(9)] }
  expect(() => register(image, request(2, elsewhere), true)).toThrow('Another broker is registered with that broker id.')
  expect(register(image, request(2, elsewhere), false).response.isLast).toBe(true)
  expect(register(image, request(2, { ...elsewhere, previousBrokerEpoch: epochOf(2) }), true).response.isLast).toBe(true)
  // It could lock a directory of the other process, which therefore is gone, however it went.
  expect(register(image, request(2), true).response.isLast).toBe(true)
})

test('the same process may register again; it keeps its epoch and its state', () => {
  const image = cluster({ brokers: [broker(1), broker(2, { inControlledShutdown: true }), broker(3)], topics: { t: [{}] } })
  const { records, response } = register(image, request(2, { incarnationId: idOf('run-2') }), true)
  expect(response.epoch).toBe(epochOf(2))
  expect(records.map(({ name }) => name)).toEqual(['RegisterBrokerRecord'])
  expect(after(image, records).brokers.get(2)).toMatchObject({ fenced: false, inControlledShutdown: true, rack: 'r' })
})

type Restart = { state: PartitionOf; clean: object | undefined; unclean: object | undefined; uncleanWithoutElr: object | undefined }

test.each<[string, Restart]>([
  ['a follower', { state: {}, clean: { isr: [1, 3] }, unclean: { isr: [1, 3] }, uncleanWithoutElr: { isr: [1, 3] } }],
  ['a leader', { state: { leader: 2 }, clean: { leader: 1, isr: [1, 3] }, unclean: { leader: 1, isr: [1, 3] }, uncleanWithoutElr: { leader: 1, isr: [1, 3] } }],
  [
    'the only one in sync',
    // After a clean stop it has what it had; nobody else could lead.
    { state: { leader: 2, isr: [2] }, clean: undefined, unclean: { leader: -1, isr: [], lastKnownElr: [2] }, uncleanWithoutElr: { leader: -1 } },
  ],
  [
    'the only one in sync, fenced since',
    { state: { leader: -1, isr: [2] }, clean: { isr: [], eligibleLeaderReplicas: [2], lastKnownElr: [2] }, unclean: { isr: [], lastKnownElr: [2] }, uncleanWithoutElr: undefined },
  ],
  ['the only replica', { state: { replicas: [2] }, clean: undefined, unclean: { leader: -1 }, uncleanWithoutElr: { leader: -1 } }],
  [
    'an eligible leader',
    {
      state: { leader: -1, isr: [], eligibleLeaderReplicas: [2, 3], lastKnownElr: [3] },
      clean: { leader: 3, isr: [3], eligibleLeaderReplicas: [2], lastKnownElr: [] },
      unclean: { leader: 3, isr: [3], eligibleLeaderReplicas: [], lastKnownElr: [] },
      uncleanWithoutElr: { eligibleLeaderReplicas: [] },
    },
  ],
])('a restart of %s', (_what, { state, clean, unclean, uncleanWithoutElr }) => {
  const minInsyncReplicas = 2
  const restart = (of: ClusterOf, previousBrokerEpoch: bigint): object | undefined => {
    const image = cluster({ ...of, topics: { t: [state] } })
    const { records, response } = registerBroker(image, request(2, { previousBrokerEpoch }), { policies: () => ({ minInsyncReplicas, allowsUncleanElection: false }), partitionCountMax: 10, isAlive: false })
    expect(records.at(-1)?.name).toBe('RegisterBrokerRecord')
    expect(response.epoch).toBe(image.offset + BigInt(records.length))
    const [change] = changesOf(records.slice(0, -1))
    return change && Object.fromEntries(Object.entries(change).filter(([field]) => field !== 'partition'))
  }
  expect(restart({}, epochOf(2))).toEqual(clean)
  expect(restart({}, -1n)).toEqual(unclean)
  expect(restart({ features: NO_ELR }, -1n)).toEqual(uncleanWithoutElr)
})

test('more partitions than one append takes: the registration comes with the last of them', () => {
  let image = cluster({ topics: { t: Array.from({ length: 5 }, () => ({ leader: 2 })) } })
  const steps: string[][] = []
  for (;;) {
    const { records, response } = register(image, request(2), false, 2)
    steps.push(records.map(({ name }) => name))
    image = after(image, records)
    if (!response.isLast) continue
    expect(image.offset).toBe(response.epoch)
    break
  }
  const change = 'PartitionChangeRecord'
  expect(steps).toEqual([[change, change], [change, change], [change, 'RegisterBrokerRecord']])
  expect([0, 1, 2, 3, 4].map((index) => partitionOf(image, 't', index).leader)).toEqual([1, 1, 1, 1, 1])
})
