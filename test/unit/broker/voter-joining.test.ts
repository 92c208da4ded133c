import { expect, test } from 'vitest'
import { VoterJoining } from '../../../src/broker/voter-joining.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { CLUSTER_ID, idOf } from '../../support/cluster-images.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const [OWN, FORMER] = [idOf('own'), idOf('former')]
const LISTENER = { name: 'CONTROLLER', host: 'host', port: 1 }
type Voter = { nodeId: number; directoryId: Uuid; isVoter: boolean }

function start(nodes: Voter[], answers: (object | KafkaError)[] = []) {
  const clock = new ManualClock()
  const calls: [string, object][] = []
  const lines: string[] = []
  const state = { nodes, describes: true }
  const call = async (api: string, request: object) => {
    calls.push([api, request])
    const answer = answers.shift() ?? { errorCode: 0, errorMessage: null }
    if (answer instanceof KafkaError) throw answer
    return answer
  }
  const joining = new VoterJoining({
    nodeId: 2, clusterId: CLUSTER_ID, directoryId: OWN, listener: LISTENER, timers: clock, controller: { call: call as never },
    describe: async () => {
      if (!state.describes) throw new KafkaError('NOT_CONTROLLER')
      return { replicas: state.nodes } as never
    },
    logger: new Logging({ write: (line) => lines.push(line) }).logger('broker'),
  })
  return { joining, calls, clock, state, lines, names: () => calls.map(([api]) => api) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const voter = (nodeId: number, directoryId: Uuid, isVoter = true): Voter => ({ nodeId, directoryId, isVoter })
const ADD = ['AddRaftVoter', { clusterId: CLUSTER_ID, timeoutMs: 15_000, voterId: 2, voterDirectoryId: OWN, listeners: [LISTENER] }]

test.each([
  { case: 'with this directory', nodes: [voter(1, idOf('1')), voter(2, OWN)] },
  { case: 'with a directory that nobody knows', nodes: [voter(2, ZERO_UUID)] },
])('a node that votes $case asks for nothing', async ({ nodes }) => {
  const { joining, calls, clock } = start(nodes)
  joining.start()
  await settled()
  expect([calls, clock.pending().size]).toEqual([[], 0])
})

test.each([
  { case: 'not known', nodes: [voter(1, idOf('1'))] },
  { case: 'an observer', nodes: [voter(1, idOf('1')), voter(2, OWN, false), voter(2, FORMER, false)] },
])('a node that is $case becomes a voter', async ({ nodes }) => {
  const { joining, calls, clock, lines } = start(nodes)
  joining.start()
  await settled()
  expect([calls, clock.pending().size]).toEqual([[ADD], 0])
  expect(lines).toEqual([expect.stringContaining('this node votes in the metadata quorum')])
})

test('the voter that it was with another disk goes first', async () => {
  const { joining, calls, clock, state } = start([voter(1, idOf('1')), voter(2, FORMER)])
  joining.start()
  await settled()
  expect(calls).toEqual([['RemoveRaftVoter', { clusterId: CLUSTER_ID, voterId: 2, voterDirectoryId: FORMER }]])
  state.nodes = [voter(1, idOf('1'))]
  clock.advance(3000)
  await settled()
  expect(calls.slice(1)).toEqual([ADD])
})

test.each([
  { case: 'a refusal', answer: { errorCode: errorCode('INVALID_REQUEST'), errorMessage: 'another change is under way' } },
  { case: 'a controller that does not answer', answer: new KafkaError('REQUEST_TIMED_OUT') },
])('goes on trying after $case', async ({ answer }) => {
  const { joining, clock, names } = start([voter(1, idOf('1'))], [answer, answer])
  joining.start()
  for (let turn = 0; turn < 4; turn++) {
    await settled()
    clock.advance(3000)
  }
  expect(names()).toEqual(['AddRaftVoter', 'AddRaftVoter', 'AddRaftVoter'])
})

test('waits for a quorum that can be described', async () => {
  const { joining, clock, state, names } = start([voter(1, idOf('1'))])
  state.describes = false
  joining.start()
  await settled()
  expect(names()).toEqual([])
  state.describes = true
  clock.advance(3000)
  await settled()
  expect(names()).toEqual(['AddRaftVoter'])
})
