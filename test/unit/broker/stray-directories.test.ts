import { expect, test } from 'vitest'
import { strayDirectories } from '../../../src/broker/stray-directories.ts'
import { emptyImage } from '../../../src/metadata/cluster-image.ts'
import type { ClusterImage, TopicImage } from '../../../src/metadata/cluster-image.ts'
import { randomUuid } from '../../../src/shared/uuid.ts'

const topic = { name: 'a-b', partitions: [{ replicas: [1, 2] }, { replicas: [2] }] } as unknown as TopicImage
const empty = emptyImage(randomUuid())
const image: ClusterImage = { ...empty, topicsByName: empty.topicsByName.with(new Map([['a-b', topic]])) }

test('a partition is stray unless this node is one of its replicas', () => {
  expect(strayDirectories(['a-b-0', 'a-b-1', 'a-b-2', 'gone-0', '__cluster_metadata-0', 'notes', 'a-b-0.0123-delete'], image, 1)).toEqual(['a-b-1', 'a-b-2', 'gone-0'])
})
