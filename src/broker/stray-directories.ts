// Directories of partitions that the cluster's metadata does not know: of a topic that went away while this broker was
// down, or put there by hand. They are told of and left alone; nobody but their owner knows what they are worth.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { METADATA_TOPIC } from '../metadata/cluster-image.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'

/** The names among `directories` that look like a partition's and are not one that this node keeps. */
export function strayDirectories(directories: readonly string[], image: ClusterImage, nodeId: number): string[] {
  return directories.filter((directory) => {
    const match = /^(.+)-(\d+)$/.exec(directory)
    const [topic, index] = [match?.[1], Number(match?.[2])]
    if (topic === undefined || topic === METADATA_TOPIC) return false
    return image.topicsByName.get(topic)?.partitions[index]?.replicas.includes(nodeId) !== true
  })
}

/** Paths of all stray directories; a log directory that cannot be read has failed already and is left out. */
export async function findStrayDirectories(logDirs: readonly string[], image: ClusterImage, nodeId: number): Promise<string[]> {
  const found = logDirs.map(async (logDir) => {
    const entries = await readdir(logDir, { withFileTypes: true }).catch(() => [])
    const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    return strayDirectories(directories, image, nodeId).map((name) => join(logDir, name))
  })
  return (await Promise.all(found)).flat()
}
