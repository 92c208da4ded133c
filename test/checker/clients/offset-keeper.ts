// Commits offsets of a group that has no members and looks them up again: an acknowledged commit is never forgotten, and
// never answered with an older one, whichever broker coordinates the group.

import { ClusterClient } from '../../support/cluster-client.ts'
import type { Setting } from './setting.ts'
import { EVENTS, PARTITION_COUNT, after } from './setting.ts'
import { Refused, until } from './wire-producer.ts'

const COORDINATOR_LOAD_IN_PROGRESS = 14

export async function offsetKeeper({ bootstrap, random, record, isOver, identity }: Setting): Promise<void> {
  const client = new ClusterClient(bootstrap)
  const groupId = `offsets-${identity}`
  const offsets = new Map<number, number>()
  while (!isOver()) {
    const partition = random(PARTITION_COUNT)
    const offset = (offsets.get(partition) ?? 0) + 1
    offsets.set(partition, offset)
    try {
      record({ type: 'committing', group: groupId, topic: EVENTS, partition, offset })
      await until(client, 'OffsetCommit', async () => {
        const coordinator = await client.groupCoordinator(groupId)
        const answer = await coordinator.call('OffsetCommit', 8, { groupId, topics: [{ name: EVENTS, partitions: [{ partitionIndex: partition, committedOffset: BigInt(offset) }] }] })
        return answer.topics[0]?.partitions[0]?.errorCode ?? COORDINATOR_LOAD_IN_PROGRESS
      })
      record({ type: 'committed', group: groupId, topic: EVENTS, partition, offset })
      let found = -1
      await until(client, 'OffsetFetch', async () => {
        const coordinator = await client.groupCoordinator(groupId)
        const answer = await coordinator.call('OffsetFetch', 8, { groups: [{ groupId, topics: [{ name: EVENTS, partitionIndexes: [partition] }] }] })
        const group = answer.groups[0]
        found = Number(group?.topics[0]?.partitions[0]?.committedOffset ?? -1n)
        return group?.errorCode ?? COORDINATOR_LOAD_IN_PROGRESS
      })
      record({ type: 'lookedUp', group: groupId, topic: EVENTS, partition, offset: found })
    } catch (error) {
      if (error instanceof Refused) console.error(`${groupId}: ${error.message}`)
    }
    await after(random(50))
  }
  client.close()
}
