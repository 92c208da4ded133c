// Where this broker's replicas lie: its log directories, what the metadata says of them, and moves between them.

import { randomUuid } from '../shared/uuid.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import type { BrokerContext } from './broker-context.ts'
import { DirectoryAssignments } from './directory-assignments.ts'
import { LogDirectories } from './log-directories.ts'
import { directoryIdOf } from './quorum.ts'
import { futureBytes, replicaDirectories } from './replica-files.ts'
import { ReplicaMoves } from './replica-moves.ts'
import { ReplicaPlacement } from './replica-placement.ts'

export class HostedReplicas {
  readonly directories: LogDirectories
  readonly moves: ReplicaMoves
  readonly #placement: ReplicaPlacement

  constructor(context: Pick<BrokerContext, 'config' | 'dataPlane' | 'metadata' | 'configs' | 'timers' | 'logging' | 'controllerClient'>, brokerEpoch: () => bigint) {
    const { config, dataPlane, metadata, configs, timers, logging, controllerClient } = context
    const { nodeId, logDirs } = config
    const logger = logging.logger('broker')
    // A directory that was never given an id is not known by one from before either.
    this.directories = new LogDirectories(logDirs.map((path) => ({ path, id: directoryIdOf(path) ?? randomUuid() })), () => configs.layers(metadata.image))
    const { directories } = this
    const assignments = new DirectoryAssignments({ nodeId, timers, controller: controllerClient, logger, brokerEpoch })
    this.moves = new ReplicaMoves({
      dataPlane, directories, copiedBytes: futureBytes, logger,
      replica: (topic, partition) => {
        const found = metadata.image.topicsByName.get(topic)?.partitions[partition]
        return found === undefined ? 'unknown' : found.replicas.includes(nodeId) ? 'here' : 'elsewhere'
      },
      onMoved: (topic, partition, logDir) => {
        const [topicId, directoryId] = [metadata.image.topicsByName.get(topic)?.id, directories.at(logDir)?.id]
        if (topicId !== undefined && directoryId !== undefined) assignments.add({ topicId, partition, directoryId })
      },
    })
    this.#placement = new ReplicaPlacement({
      nodeId, directories, moves: this.moves, logger,
      lookUp: () => replicaDirectories(logDirs),
      assign: (assignment) => assignments.add(assignment),
    })
  }

  begin(image: ClusterImage): void {
    this.#placement.start(image)
  }

  follow(image: ClusterImage, delta: MetadataDelta): void {
    this.#placement.follow(image, delta)
  }

  close(): void {
    this.moves.close()
  }
}
