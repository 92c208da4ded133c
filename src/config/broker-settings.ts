// The broker settings that this broker acts on, under Kafka's names. Where a default differs from Kafka's, its comment
// says why. Settings of Kafka that have nothing to act on here are in `known-settings.ts`.

import { atLeast, between, bool, double, INT64_MAX_TEXT, int, list, long, oneOf, optionalInt, optionalList, optionalLong, optionalString, short, someOf, string } from './config-key.ts'
import type { ConfigKey, ConfigValue } from './config-key.ts'
import { knownSettings } from './known-settings.ts'
import { LOG_LEVELS } from '../shared/logger.ts'
import type { LogLevel } from '../shared/logger.ts'
import { TOPIC_SETTINGS, TOPIC_SYNONYMS } from './topic-settings.ts'
import type { TopicSettingName } from './topic-settings.ts'

/** The one replica selector that Kafka has besides the leader itself (KIP-392). */
export const RACK_AWARE_SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

/** A broker setting with the type, default and check of the topic setting that it stands behind. */
function topicDefault<Name extends TopicSettingName>(name: Name): (typeof TOPIC_SETTINGS)[Name] {
  return { ...TOPIC_SETTINGS[name], documentation: `For topics without a ${name} of their own. ${TOPIC_SETTINGS[name].documentation}` }
}

export const BROKER_SETTINGS = {
  // Kafka has no default for these two; a broker that is started alone is node 1 and its own controller.
  'node.id': int(1, { check: atLeast(0), doc: 'The number of this node, unique in the cluster.' }),
  'process.roles': list('broker,controller', { check: someOf('broker', 'controller'), doc: 'What this node does; it must be both.' }),
  'broker.id': int(-1, { doc: 'The older name of node.id; where both are given they must agree.' }),
  'broker.rack': optionalString({ doc: 'Where this broker stands; told to clients.' }),

  // Kafka's default listens on every interface; an unsecured port is opened to others only on request.
  listeners: list('PLAINTEXT://127.0.0.1:9092', { doc: 'Addresses to accept connections on, as NAME://host:port; an empty host is every interface, port 0 is any free one.' }),
  'advertised.listeners': optionalList({ doc: 'Addresses told to clients; by default those of listeners.' }),
  'listener.security.protocol.map': string('PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL', { doc: 'The security protocol of each listener name.' }),
  'inter.broker.listener.name': optionalString({ doc: 'The listener that brokers reach each other on.' }),
  'security.inter.broker.protocol': string('PLAINTEXT', { check: oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'), doc: 'The security protocol between brokers, which names their listener where inter.broker.listener.name does not.' }),
  'controller.listener.names': list('CONTROLLER', { doc: 'Listeners that belong to the controller: nodes of the metadata quorum reach each other on the first. Without one in listeners the quorum is this node alone.' }),
  'controller.quorum.voters': list('', { doc: 'The voters that begin the metadata quorum, as id@host:port, the same on each of them.' }),
  'controller.quorum.bootstrap.servers': list('', { doc: "Controller listeners to find the metadata quorum at. A new node for which there is another one joins that one's cluster." }),
  'controller.quorum.auto.join.enable': bool(false, 'Whether this node becomes a voter by itself once it has what is committed.'),
  'controller.quorum.election.timeout.ms': int(1000, { check: atLeast(50), doc: 'Least time in milliseconds without a leader after which a voter begins an election.' }),
  'controller.quorum.fetch.timeout.ms': int(2000, { check: atLeast(100), doc: 'Most time in milliseconds without a leader after which a voter begins an election.' }),
  'socket.request.max.bytes': int(104_857_600, { check: atLeast(1), doc: 'Largest request that is read, in bytes.' }),
  'max.connections': int(2_147_483_647, { check: atLeast(0), doc: 'Connections that may be open at once.' }),
  'max.connections.per.ip': int(2_147_483_647, { check: atLeast(0), doc: 'Connections that may be open at once from one address.' }),
  'connections.max.idle.ms': long(600_000, { doc: 'Time in milliseconds after which a connection without traffic is closed.' }),
  // Kafka's default is 3; here a thread is bound to its connections, and more threads than cores only cost.
  'num.network.threads': optionalInt({ check: atLeast(1), doc: 'Threads that serve connections; by default one per core that the process may use.' }),
  'max.incremental.fetch.session.cache.slots': int(1000, { check: atLeast(0), doc: 'Incremental fetch sessions that are kept.' }),
  'fetch.max.bytes': int(57_671_680, { check: atLeast(1024), doc: 'Most bytes that one fetch is answered with.' }),

  // Kafka's default is /tmp/kafka-logs, which a reboot may empty.
  'log.dir': list('data', { doc: 'Directory for the logs where log.dirs is not given.' }),
  'log.dirs': optionalList({ doc: 'Directories for the logs.' }),
  'cordoned.log.dirs': list('', { doc: 'Those of log.dirs that take no new replicas; * for all of them.' }),
  'num.recovery.threads.per.data.dir': int(2, { check: atLeast(1), doc: 'Threads per log directory that recover logs after an unclean stop.' }),
  'log.flush.offset.checkpoint.interval.ms': int(60_000, { check: atLeast(0), doc: 'Time in milliseconds between writes of the recovery points.' }),
  'num.replica.fetchers': int(1, { check: atLeast(1), doc: 'Connections to each broker whose partitions this one follows; partitions are spread over them.' }),
  'replica.fetch.backoff.ms': int(1000, { check: atLeast(0), doc: 'Time in milliseconds that a partition or broker that could not be fetched from is left alone.' }),
  'replica.fetch.max.bytes': int(1_048_576, { check: atLeast(0), doc: 'Most bytes that a follower fetches of one partition at a time; at least one batch in any case.' }),
  'replica.fetch.min.bytes': int(1, { doc: 'Bytes that a fetch of a follower waits for.' }),
  'replica.fetch.response.max.bytes': int(10_485_760, { check: atLeast(0), doc: 'Most bytes that a follower fetches at a time.' }),
  'replica.fetch.wait.max.ms': int(500, { doc: 'Most time in milliseconds that a fetch of a follower waits for records.' }),
  'replica.high.watermark.checkpoint.interval.ms': long(5000, { doc: 'Time in milliseconds between writes of the high watermarks.' }),
  'replica.lag.time.max.ms': long(30_000, { doc: 'Time in milliseconds without having caught up after which a follower falls out of the ISR.' }),
  'replica.selector.class': optionalString({ check: oneOf(RACK_AWARE_SELECTOR), doc: 'Which replica consumers are sent to: the leader, or with RackAwareReplicaSelector one in their rack.' }),
  'replica.socket.timeout.ms': int(30_000, { doc: 'Time in milliseconds after which a fetch of a follower that was not answered is given up.' }),
  'producer.id.expiration.ms': int(86_400_000, { check: atLeast(1), doc: 'Time in milliseconds without a write after which an idempotent producer is forgotten.' }),

  // Kafka's defaults of these two are 2 and 9 s. Heartbeats cost little here, and what a failed broker led is taken over sooner.
  'broker.heartbeat.interval.ms': int(500, { doc: 'Time in milliseconds between heartbeats of this broker to the controller.' }),
  'broker.session.timeout.ms': int(4000, { doc: 'Time in milliseconds without a heartbeat after which the controller takes a broker for failed.' }),
  'controlled.shutdown.enable': bool(true, 'Whether this broker hands its leaderships over before it stops.'),
  'auto.leader.rebalance.enable': bool(true, 'Whether the controller gives leaderships back to the first replicas of partitions from time to time.'),
  'leader.imbalance.check.interval.seconds': long(300, { check: atLeast(1), doc: 'Time in seconds between looks for leaderships to give back.' }),
  'unclean.leader.election.interval.ms': long(300_000, { check: atLeast(1), doc: 'Time in milliseconds between looks for partitions without a leader that may be led by a replica that is not in sync.' }),

  'auto.create.topics.enable': bool(true, 'Whether a topic that a client asks for is created.'),
  'delete.topic.enable': bool(true, 'Whether topics may be deleted.'),
  'num.partitions': int(1, { check: atLeast(1), doc: 'Partitions of a topic that is created without a number of them.' }),
  'default.replication.factor': int(1, { doc: 'Replicas of a partition that is created without a number of them.' }),
  'max.request.partition.size.limit': int(2000, { check: atLeast(1), doc: 'Most partitions that one DescribeTopicPartitions request is answered with.' }),

  'log.cleanup.policy': topicDefault('cleanup.policy'),
  'compression.gzip.level': topicDefault('compression.gzip.level'),
  'compression.lz4.level': topicDefault('compression.lz4.level'),
  'compression.type': topicDefault('compression.type'),
  'compression.zstd.level': topicDefault('compression.zstd.level'),
  'log.cleaner.backoff.ms': long(15_000, { check: atLeast(0), doc: 'Time in milliseconds between looks for logs to compact, while there is none.' }),
  'log.cleaner.dedupe.buffer.size': long(134_217_728, { check: atLeast(1_048_576), doc: 'Memory in bytes for the table of keys of a compaction; keys beyond it wait for the next.' }),
  'log.cleaner.io.max.bytes.per.second': double('1.7976931348623157E308', { doc: 'Most bytes per second that compaction reads and writes together.' }),
  'log.cleaner.enable': bool(true, 'Whether logs of topics whose policy is compact are compacted; without it they only grow.'),
  'log.cleaner.delete.retention.ms': topicDefault('delete.retention.ms'),
  'log.cleaner.max.compaction.lag.ms': topicDefault('max.compaction.lag.ms'),
  'log.cleaner.min.cleanable.ratio': topicDefault('min.cleanable.dirty.ratio'),
  'log.cleaner.min.compaction.lag.ms': topicDefault('min.compaction.lag.ms'),
  'log.flush.interval.messages': topicDefault('flush.messages'),
  'log.flush.interval.ms': optionalLong({ doc: TOPIC_SETTINGS['flush.ms'].documentation }),
  'log.flush.on.ack': topicDefault('flush.on.ack'),
  'log.flush.scheduler.interval.ms': long(INT64_MAX_TEXT, { doc: 'Age in milliseconds at which records are flushed where log.flush.interval.ms is not given.' }),
  'log.index.interval.bytes': topicDefault('index.interval.bytes'),
  'log.index.size.max.bytes': topicDefault('segment.index.bytes'),
  'log.local.retention.bytes': topicDefault('local.retention.bytes'),
  'log.local.retention.ms': topicDefault('local.retention.ms'),
  'log.message.timestamp.after.max.ms': topicDefault('message.timestamp.after.max.ms'),
  'log.message.timestamp.before.max.ms': topicDefault('message.timestamp.before.max.ms'),
  'log.message.timestamp.type': topicDefault('message.timestamp.type'),
  'log.preallocate': topicDefault('preallocate'),
  'log.retention.bytes': topicDefault('retention.bytes'),
  'log.retention.check.interval.ms': long(300_000, { check: atLeast(1), doc: 'Time in milliseconds between checks for segments to delete.' }),
  'log.retention.hours': int(168, { doc: 'Age in hours at which segments are deleted; log.retention.minutes goes before it.' }),
  'log.retention.minutes': optionalInt({ doc: 'Age in minutes at which segments are deleted; log.retention.ms goes before it.' }),
  'log.retention.ms': optionalLong({ doc: TOPIC_SETTINGS['retention.ms'].documentation }),
  'log.roll.hours': int(168, { check: atLeast(1), doc: 'Age in hours at which a segment is closed; log.roll.ms goes before it.' }),
  'log.roll.jitter.hours': int(0, { check: atLeast(0), doc: 'Most hours taken at random off the age at which a segment is closed; log.roll.jitter.ms goes before it.' }),
  'log.roll.jitter.ms': optionalLong({ doc: TOPIC_SETTINGS['segment.jitter.ms'].documentation }),
  'log.roll.ms': optionalLong({ doc: TOPIC_SETTINGS['segment.ms'].documentation }),
  'log.segment.bytes': topicDefault('segment.bytes'),
  'log.segment.delete.delay.ms': topicDefault('file.delete.delay.ms'),
  'message.max.bytes': topicDefault('max.message.bytes'),
  'min.insync.replicas': topicDefault('min.insync.replicas'),
  'unclean.leader.election.enable': topicDefault('unclean.leader.election.enable'),

  'leader.replication.throttled.rate': long(INT64_MAX_TEXT, { check: atLeast(0), doc: 'Most bytes per second that this broker sends to followers from replicas that are throttled (KIP-73).' }),
  'follower.replication.throttled.rate': long(INT64_MAX_TEXT, { check: atLeast(0), doc: 'Most bytes per second that this broker fetches into replicas that are throttled (KIP-73).' }),

  // Of KIP-1191, which Kafka 4.3 does not have yet.
  'errors.deadletterqueue.auto.create.topics.enable': bool(false, 'Whether the dead-letter queue of a share group is created when it is missing.'),
  'errors.deadletterqueue.topic.name.prefix': string('dlq.', { doc: 'What the name of every dead-letter queue of a share group begins with; empty for anything.' }),
  'group.initial.rebalance.delay.ms': int(3000, { doc: 'Time in milliseconds that the first rebalance of an empty group waits for more members.' }),
  'group.max.session.timeout.ms': int(1_800_000, { doc: 'Longest session time-out of a group member, in milliseconds.' }),
  'group.min.session.timeout.ms': int(6000, { doc: 'Shortest session time-out of a group member, in milliseconds.' }),
  'group.max.size': int(2_147_483_647, { check: atLeast(1), doc: 'Members that a group may have.' }),
  'group.consumer.assignment.interval.ms': int(200, { check: atLeast(0), doc: 'Least time in milliseconds between two assignments of a consumer group; 0 for an assignment with every change. Who joins meanwhile is asked to come back right after it.' }),
  'group.consumer.assignors': list('uniform,range', { check: someOf('uniform', 'range'), doc: 'Assignors that members of the consumer protocol may ask for; the first is used where they do not.' }),
  'group.consumer.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Time in milliseconds between heartbeats of members of the consumer protocol.' }),
  'group.consumer.max.assignment.interval.ms': int(15_000, { check: atLeast(0), doc: 'Most that one consumer group may have as consumer.assignment.interval.ms.' }),
  'group.consumer.max.heartbeat.interval.ms': int(15_000, { check: atLeast(1), doc: 'Most that one consumer group may have as consumer.heartbeat.interval.ms.' }),
  'group.consumer.max.session.timeout.ms': int(60_000, { check: atLeast(1), doc: 'Most that one consumer group may have as consumer.session.timeout.ms.' }),
  'group.consumer.max.size': int(2_147_483_647, { check: atLeast(1), doc: 'Members that a group of the consumer protocol may have.' }),
  'group.consumer.migration.policy': string('bidirectional', { check: oneOf('disabled', 'upgrade', 'downgrade', 'bidirectional'), doc: 'Whether live groups move to the consumer protocol with its first member (upgrade) and back when its last one has gone (downgrade).' }) as ConfigKey<'disabled' | 'upgrade' | 'downgrade' | 'bidirectional'>,
  'group.consumer.min.assignment.interval.ms': int(0, { check: atLeast(0), doc: 'Least that one consumer group may have as consumer.assignment.interval.ms.' }),
  'group.consumer.min.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Least that one consumer group may have as consumer.heartbeat.interval.ms.' }),
  'group.consumer.min.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Least that one consumer group may have as consumer.session.timeout.ms.' }),
  'group.consumer.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Time in milliseconds without a heartbeat after which a member of the consumer protocol is out of its group.' }),
  'group.share.assignment.interval.ms': int(0, { check: atLeast(0), doc: 'Least time in milliseconds between two assignments of a share group; 0 for an assignment with every change.' }),
  'group.share.delivery.count.limit': int(5, { check: between(2, 10), doc: 'Times that a record is given to members of a share group before it is given up.' }),
  'group.share.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Time in milliseconds between heartbeats of members of share groups.' }),
  'group.share.initialize.retry.interval.ms': int(30_000, { check: atLeast(1), doc: 'Time in milliseconds after which the share coordinator is asked again to initialize the partitions of a share group.' }),
  'group.share.max.assignment.interval.ms': int(15_000, { check: atLeast(0), doc: 'Most that one share group may have as share.assignment.interval.ms.' }),
  'group.share.max.delivery.count.limit': int(10, { check: between(5, 25), doc: 'Most that one share group may have as share.delivery.count.limit.' }),
  'group.share.max.heartbeat.interval.ms': int(15_000, { check: atLeast(1), doc: 'Most that one share group may have as share.heartbeat.interval.ms.' }),
  'group.share.max.partition.max.record.locks': int(4000, { check: between(2000, 10_000), doc: 'Most that one share group may have as share.partition.max.record.locks.' }),
  'group.share.max.record.lock.duration.ms': int(60_000, { check: between(30_000, 3_600_000), doc: 'Most that one share group may have as share.record.lock.duration.ms.' }),
  'group.share.max.session.timeout.ms': int(60_000, { check: atLeast(1), doc: 'Most that one share group may have as share.session.timeout.ms.' }),
  'group.share.max.share.sessions': int(2000, { check: atLeast(1), doc: 'Sessions of members of share groups that this broker keeps.' }),
  'group.share.max.size': int(200, { check: between(1, 1000), doc: 'Members that a share group may have.' }),
  'group.share.min.assignment.interval.ms': int(0, { check: atLeast(0), doc: 'Least that one share group may have as share.assignment.interval.ms.' }),
  'group.share.min.delivery.count.limit': int(2, { check: between(2, 5), doc: 'Least that one share group may have as share.delivery.count.limit.' }),
  'group.share.min.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Least that one share group may have as share.heartbeat.interval.ms.' }),
  'group.share.min.partition.max.record.locks': int(100, { check: between(100, 2000), doc: 'Least that one share group may have as share.partition.max.record.locks.' }),
  'group.share.min.record.lock.duration.ms': int(15_000, { check: between(1000, 30_000), doc: 'Least that one share group may have as share.record.lock.duration.ms.' }),
  'group.share.min.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Least that one share group may have as share.session.timeout.ms.' }),
  'group.share.partition.max.record.locks': int(2000, { check: between(100, 10_000), doc: 'Records of a partition that members of a share group may have at once.' }),
  'group.share.record.lock.duration.ms': int(30_000, { check: between(1000, 3_600_000), doc: 'Time in milliseconds that a member of a share group has for a record.' }),
  'group.share.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Time in milliseconds without a heartbeat after which a member of a share group is out of it.' }),
  'group.streams.assignment.interval.ms': int(0, { check: atLeast(0), doc: 'Least time in milliseconds between two assignments of a streams group; 0 for an assignment with every change.' }),
  'group.streams.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Time in milliseconds between heartbeats of members of streams groups.' }),
  'group.streams.initial.rebalance.delay.ms': int(3000, { check: atLeast(0), doc: 'Time in milliseconds that a new streams group waits for more members before it gives out tasks.' }),
  'group.streams.max.assignment.interval.ms': int(15_000, { check: atLeast(0), doc: 'Most that one streams group may have as streams.assignment.interval.ms.' }),
  'group.streams.max.heartbeat.interval.ms': int(15_000, { check: atLeast(1), doc: 'Most that one streams group may have as streams.heartbeat.interval.ms.' }),
  'group.streams.max.session.timeout.ms': int(60_000, { check: atLeast(1), doc: 'Most that one streams group may have as streams.session.timeout.ms.' }),
  'group.streams.max.size': int(2_147_483_647, { check: atLeast(1), doc: 'Members that a streams group may have.' }),
  'group.streams.max.standby.replicas': int(2, { check: atLeast(0), doc: 'Most that one streams group may have as streams.num.standby.replicas.' }),
  'group.streams.min.assignment.interval.ms': int(0, { check: atLeast(0), doc: 'Least that one streams group may have as streams.assignment.interval.ms.' }),
  'group.streams.min.heartbeat.interval.ms': int(5000, { check: atLeast(1), doc: 'Least that one streams group may have as streams.heartbeat.interval.ms.' }),
  'group.streams.min.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Least that one streams group may have as streams.session.timeout.ms.' }),
  'group.streams.num.standby.replicas': int(0, { check: atLeast(0), doc: 'Standby copies of each task with state.' }),
  'group.streams.session.timeout.ms': int(45_000, { check: atLeast(1), doc: 'Time in milliseconds without a heartbeat after which a member of a streams group is out of it.' }),
  'metadata.log.max.record.bytes.between.snapshots': long(20_971_520, { check: atLeast(1), doc: 'Bytes of metadata changes after which a snapshot of the metadata is written.' }),
  'metadata.log.max.snapshot.interval.ms': long(3_600_000, { check: atLeast(0), doc: 'Time in milliseconds after which a change of metadata is in a snapshot; 0 for no bound.' }),
  'offset.metadata.max.bytes': int(4096, { doc: 'Largest metadata of a committed offset, in bytes.' }),
  'offsets.commit.timeout.ms': int(5000, { check: atLeast(1), doc: 'Time in milliseconds after which a write of the group coordinator that is not replicated yet is answered as failed.' }),
  'offsets.retention.minutes': int(10_080, { check: atLeast(1), doc: 'Minutes after which the offsets of an empty group are forgotten.' }),
  'offsets.retention.check.interval.ms': long(600_000, { check: atLeast(1), doc: 'Time in milliseconds between checks for offsets to forget.' }),
  'offsets.topic.num.partitions': int(50, { check: atLeast(1), doc: 'Partitions of the topic of committed offsets; fixed once it exists.' }),
  'offsets.topic.replication.factor': short(3, { check: atLeast(1), doc: 'Replicas of the topic of committed offsets; where it is not given, at most as many as there are brokers.' }),
  'offsets.topic.segment.bytes': int(104_857_600, { check: atLeast(1), doc: 'Segment size in bytes of the topic of committed offsets.' }),

  'share.coordinator.snapshot.update.records.per.snapshot': int(500, { check: between(0, 500), doc: 'Changes of the state of a share partition after which all of it is written.' }),
  'share.coordinator.state.topic.min.isr': short(2, { check: atLeast(1), doc: 'min.insync.replicas of the topic of states of share groups; where it is not given, at most as many as there are brokers.' }),
  'share.coordinator.state.topic.num.partitions': int(50, { check: atLeast(1), doc: 'Partitions of the topic of states of share groups; fixed once it exists.' }),
  'share.coordinator.state.topic.prune.interval.ms': int(300_000, { check: atLeast(1), doc: 'Time in milliseconds between removals of states that later ones stand for.' }),
  'share.coordinator.state.topic.replication.factor': short(3, { check: atLeast(1), doc: 'Replicas of the topic of states of share groups; where it is not given, at most as many as there are brokers.' }),
  'share.coordinator.state.topic.segment.bytes': int(104_857_600, { check: atLeast(1), doc: 'Segment size in bytes of the topic of states of share groups.' }),
  'share.coordinator.write.timeout.ms': int(5000, { check: atLeast(1), doc: 'Time in milliseconds that the state of a share partition may take to be read or written.' }),

  'transaction.max.timeout.ms': int(900_000, { check: atLeast(1), doc: 'Longest time-out of a transaction that a producer may ask for, in milliseconds.' }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(10_000, { check: atLeast(1), doc: 'Time in milliseconds between checks for transactions that have timed out.' }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(3_600_000, { check: atLeast(1), doc: 'Time in milliseconds between checks for transactional ids to forget.' }),
  'transaction.state.log.min.isr': int(2, { check: atLeast(1), doc: 'min.insync.replicas of the topic of transactions; where it is not given, at most as many as there are brokers.' }),
  'transaction.state.log.num.partitions': int(50, { check: atLeast(1), doc: 'Partitions of the topic of transactions; fixed once it exists.' }),
  'transaction.state.log.replication.factor': short(3, { check: atLeast(1), doc: 'Replicas of the topic of transactions; where it is not given, at most as many as there are brokers.' }),
  'transaction.state.log.segment.bytes': int(104_857_600, { check: atLeast(1), doc: 'Segment size in bytes of the topic of transactions.' }),
  'transactional.id.expiration.ms': int(604_800_000, { check: atLeast(1), doc: 'Time in milliseconds without a transaction after which a transactional id is forgotten.' }),

  // Not Kafka's: what it has no setting for.
  // On by default: a broker that is added would otherwise stay empty until somebody reassigns partitions by hand. It begins
  // only where brokers differ by much, a few partitions at a time, and slower than a network that carries a cluster.
  'balancer.enable': bool(true, 'Whether replicas and leaders move by themselves until brokers hold alike. Brokers that drain are emptied either way. Not a setting of Apache Kafka.'),
  'balancer.interval.ms': long(300_000, { check: atLeast(1000), doc: 'Time in milliseconds between looks of the balancer; it also looks when brokers come, go or drain. Not a setting of Apache Kafka.' }),
  'balancer.imbalance.percentage': int(10, { check: between(1, 100), doc: 'Percent of the mean that brokers may differ by in replicas, leaders or bytes before the balancer begins. Not a setting of Apache Kafka.' }),
  'balancer.imbalance.bytes': long(1_073_741_824, { check: atLeast(0), doc: 'Bytes that brokers may differ by whatever the percentage. Not a setting of Apache Kafka.' }),
  'balancer.moves.max': int(10, { check: atLeast(1), doc: 'Partitions that the balancer moves at once. Not a setting of Apache Kafka.' }),
  'balancer.moves.bytes.max': long(10_737_418_240, { check: atLeast(1), doc: 'Bytes that the balancer moves at once; a larger partition moves alone. Not a setting of Apache Kafka.' }),
  'balancer.throttle.bytes.per.second': long(52_428_800, { check: atLeast(1), doc: 'Most bytes per second that a broker reads or writes for what the balancer moves. Not a setting of Apache Kafka.' }),
  'broker.draining': bool(false, 'Whether this broker is to hold nothing: it gets no new replicas, and those it has move to others. Set while running, for one broker. Not a setting of Apache Kafka.'),
  'admin.listener': string('http://127.0.0.1:9644', { doc: 'Address of the HTTP admin API; empty for none. Not a setting of Apache Kafka.' }),
  'log.level': string('INFO', { check: oneOf(...LOG_LEVELS), doc: 'What is logged: this level and those above. Not a setting of Apache Kafka.' }) as ConfigKey<LogLevel>,
}

export type BrokerSettingName = keyof typeof BROKER_SETTINGS
type ValueOf<Key> = Key extends ConfigKey<infer Value extends ConfigValue> ? Value : never
export type BrokerSettings = { readonly [Name in BrokerSettingName]: ValueOf<(typeof BROKER_SETTINGS)[Name]> }

export function isBrokerSetting(name: string): name is BrokerSettingName {
  return Object.hasOwn(BROKER_SETTINGS, name)
}

/** The names a setting may be given under, the one that counts first: Kafka's settings with several units. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  'log.roll.ms': ['log.roll.ms', 'log.roll.hours'],
  'log.roll.hours': ['log.roll.ms', 'log.roll.hours'],
  'log.roll.jitter.ms': ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  'log.roll.jitter.hours': ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  'log.flush.interval.ms': ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  'log.retention.ms': ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  'log.retention.minutes': ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  'log.retention.hours': ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
}

export function brokerSynonyms(name: string): readonly string[] {
  return ALIASES[name] ?? [name]
}

const dynamicNames: ReadonlySet<string> = new Set([
  ...Object.values(TOPIC_SYNONYMS),
  ...Object.keys(BROKER_SETTINGS).filter((name) => name.startsWith('balancer.')),
  'broker.draining', 'cordoned.log.dirs', 'leader.replication.throttled.rate', 'follower.replication.throttled.rate',
  'errors.deadletterqueue.auto.create.topics.enable', 'errors.deadletterqueue.topic.name.prefix',
  'group.consumer.assignment.interval.ms', 'group.share.assignment.interval.ms', 'group.streams.assignment.interval.ms',
  'log.cleaner.backoff.ms', 'log.cleaner.dedupe.buffer.size', 'log.cleaner.io.max.bytes.per.second',
])

/** Kept in the metadata alone and about one broker, so that any broker can tell and change it, also of one that is down. */
export const KEPT_IN_METADATA: ReadonlySet<string> = new Set(['broker.draining', 'leader.replication.throttled.rate', 'follower.replication.throttled.rate'])

/** The key of a broker setting that this broker acts on or knows as Kafka's. */
export function brokerKey(name: string): ConfigKey | undefined {
  return isBrokerSetting(name) ? BROKER_SETTINGS[name] : knownSettings().get(name)
}

/** Whether a setting can be changed while the broker runs, for one broker or for all: the defaults of topics, the balancer's, those of compaction, the intervals between assignments of groups, what dead-letter queues may be, and of Kafka's others those without effect here that Kafka lets change. */
export function isDynamic(name: string): boolean {
  return dynamicNames.has(name) || knownSettings().get(name)?.dynamic === true
}
