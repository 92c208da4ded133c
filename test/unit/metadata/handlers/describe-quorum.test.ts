import { expect, test } from 'vitest'
import { METADATA_TOPIC } from '../../../../src/metadata/cluster-image.ts'
import { describeQuorum } from '../../../../src/metadata/handlers/cluster-handlers.ts'
import { cluster, idOf } from '../../../support/cluster-images.ts'

const REQUEST = { topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }] }

async function nodesOf(hosts: readonly string[]) {
  const replicas = hosts.map((host, index) => ({ nodeId: index + 1, directoryId: idOf(String(index)), host, port: 9190 + index, isVoter: index < 2, logEndOffset: 1n, lastFetchMs: 0, lastCaughtUpMs: 0 }))
  const deps = { runtime: { image: cluster(), describeQuorum: async () => ({ leaderId: 1, epoch: 1, highWatermark: 1n, replicas }) }, config: { listeners: { controller: { advertised: { name: 'QUORUM' } } } } }
  return (await describeQuorum(deps as never, REQUEST as never)).nodes
}

test('voters are named with the controller listener that the others reach them at', async () => {
  expect(await nodesOf(['one', 'two', 'observer'])).toEqual([
    { nodeId: 1, listeners: [{ name: 'QUORUM', host: 'one', port: 9190 }] },
    { nodeId: 2, listeners: [{ name: 'QUORUM', host: 'two', port: 9191 }] },
  ])
})

test('a voter that is alone has only the listener of its clients', async () => {
  expect(await nodesOf([''])).toEqual([{ nodeId: 1, listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9091 }] }])
})
