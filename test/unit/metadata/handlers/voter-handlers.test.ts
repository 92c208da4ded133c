import { expect, test } from 'vitest'
import { addRaftVoter, removeRaftVoter } from '../../../../src/metadata/handlers/voter-handlers.ts'
import { errorCode, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { cluster, CLUSTER_ID, idOf } from '../../../support/cluster-images.ts'

const VOTER = { nodeId: 2, directoryId: idOf('2') }
const LISTENERS = [{ name: 'CONTROLLER', host: 'host', port: 9093 }]

function start({ leaderId = 1, fault }: { leaderId?: number; fault?: Error } = {}) {
  const changes: object[] = []
  const change = async (what: object): Promise<void> => {
    changes.push(what)
    if (fault !== undefined) throw fault
  }
  const runtime = {
    image: cluster(),
    describeQuorum: async () => ({ leaderId, replicas: [{ nodeId: 1, directoryId: idOf('1'), isVoter: true }, { ...VOTER, isVoter: true }, { nodeId: 3, directoryId: idOf('3'), isVoter: false }] }),
    addVoter: (voter: object) => change({ add: voter }),
    removeVoter: (nodeId: number, directoryId: string) => change({ remove: nodeId, directoryId }),
  }
  return { deps: { runtime } as never, changes }
}

const add = (voterId: number, change: object = {}) => ({ clusterId: CLUSTER_ID, timeoutMs: 1000, voterId, voterDirectoryId: idOf(String(voterId)), listeners: LISTENERS, ackWhenCommitted: true, ...change }) as never
const remove = (voterId: number, change: object = {}) => ({ clusterId: CLUSTER_ID, voterId, voterDirectoryId: idOf(String(voterId)), ...change }) as never

test('an observer, and a node that nobody knows, become voters at the listener that is given', async () => {
  for (const nodeId of [3, 4]) {
    const { deps, changes } = start()
    expect(await addRaftVoter(deps, add(nodeId))).toEqual({ errorCode: 0, errorMessage: null })
    expect(changes).toEqual([{ add: { nodeId, directoryId: idOf(String(nodeId)), host: 'host', port: 9093 } }])
  }
})

test('a voter is removed with its directory', async () => {
  const { deps, changes } = start()
  expect(await removeRaftVoter(deps, remove(2, { clusterId: null }))).toEqual({ errorCode: 0, errorMessage: null })
  expect(changes).toEqual([{ remove: 2, directoryId: VOTER.directoryId }])
})

test.each([
  { case: 'adding to another cluster', run: (deps: never) => addRaftVoter(deps, add(4, { clusterId: idOf('other') })), error: 'INCONSISTENT_CLUSTER_ID' },
  { case: 'adding without a listener', run: (deps: never) => addRaftVoter(deps, add(4, { listeners: [] })), error: 'INVALID_REQUEST' },
  { case: 'adding without an id', run: (deps: never) => addRaftVoter(deps, add(-1)), error: 'INVALID_REQUEST' },
  { case: 'removing from another cluster', run: (deps: never) => removeRaftVoter(deps, remove(2, { clusterId: idOf('other') })), error: 'INCONSISTENT_CLUSTER_ID' },
] as const)('$case fails with $error', async ({ run, error }) => {
  const { deps, changes } = start()
  await expect(run(deps)).rejects.toMatchObject({ errorName: error })
  expect(changes).toEqual([])
})

test.each([
  { case: 'a voter with the same directory', run: (deps: never) => addRaftVoter(deps, add(2)), error: 'DUPLICATE_VOTER' },
  { case: 'a voter with another directory', run: (deps: never) => addRaftVoter(deps, add(2, { voterDirectoryId: idOf('new') })), error: 'DUPLICATE_VOTER' },
  { case: 'removal of an observer', run: (deps: never) => removeRaftVoter(deps, remove(3)), error: 'VOTER_NOT_FOUND' },
  { case: 'removal with another directory', run: (deps: never) => removeRaftVoter(deps, remove(2, { voterDirectoryId: idOf('new') })), error: 'VOTER_NOT_FOUND' },
] as const)('$case is refused with $error', async ({ run, error }) => {
  const { deps, changes } = start()
  expect(await run(deps)).toMatchObject({ errorCode: errorCode(error), errorMessage: expect.stringContaining('ReplicaKey(id=') })
  expect(changes).toEqual([])
})

test.each([
  { case: 'nobody leads', options: { leaderId: -1 } },
  { case: 'the lead went meanwhile', options: { fault: new KafkaError('NOT_LEADER_OR_FOLLOWER', 'Node 3 leads.') } },
])('where $case the client is to ask another node', async ({ options }) => {
  await expect(addRaftVoter(start(options).deps, add(4))).rejects.toMatchObject({ errorName: 'NOT_CONTROLLER' })
  await expect(removeRaftVoter(start(options).deps, remove(2))).rejects.toMatchObject({ errorName: 'NOT_CONTROLLER' })
})

test('a change that cannot be made is told', async () => {
  const { deps } = start({ fault: new Error('another change of voters is under way') })
  expect(await addRaftVoter(deps, add(4))).toEqual({ errorCode: errorCode('INVALID_REQUEST'), errorMessage: 'another change of voters is under way' })
})

test('who is no voter is told with those that are', async () => {
  const { errorMessage } = await removeRaftVoter(start().deps, remove(3))
  expect(errorMessage).toBe(`Cannot remove voter ReplicaKey(id=3, directoryId=${idOf('3')}) from the set of voters [ReplicaKey(id=1, directoryId=${idOf('1')}), ReplicaKey(id=2, directoryId=${idOf('2')})]`)
})
