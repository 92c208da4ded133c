// Every outcome a response can carry. Codes, names and whether a client may simply retry are Kafka's (`Errors`); the
// sentences are what a client reads where the response has room for one.

import { MillraceError } from '../shared/errors.ts'

export type ErrorEntry = { readonly code: number; readonly retriable: boolean; readonly message: string }

const entry = (code: number, message: string): ErrorEntry => ({ code, retriable: false, message })
const retriable = (code: number, message: string): ErrorEntry => ({ code, retriable: true, message })

export const ERRORS = {
  UNKNOWN_SERVER_ERROR: entry(-1, 'The broker failed in a way it did not expect.'),
  NONE: entry(0, ''),
  OFFSET_OUT_OF_RANGE: entry(1, 'The offset lies outside of what the partition holds.'),
  CORRUPT_MESSAGE: retriable(2, 'A record batch is damaged, too large, or without a key where compaction needs one.'),
  UNKNOWN_TOPIC_OR_PARTITION: retriable(3, 'The topic or partition does not exist here.'),
  INVALID_FETCH_SIZE: entry(4, 'The fetch size is not valid.'),
  LEADER_NOT_AVAILABLE: retriable(5, 'The partition has no leader at the moment.'),
  NOT_LEADER_OR_FOLLOWER: retriable(6, 'This broker does not lead the partition, or has no replica of it.'),
  REQUEST_TIMED_OUT: retriable(7, 'The request took longer than its time-out.'),
  BROKER_NOT_AVAILABLE: entry(8, 'The broker is not available.'),
  REPLICA_NOT_AVAILABLE: retriable(9, "The partition's replica is not available here."),
  MESSAGE_TOO_LARGE: entry(10, 'A record batch is larger than max.message.bytes allows.'),
  STALE_CONTROLLER_EPOCH: entry(11, 'The controller has moved to another node.'),
  OFFSET_METADATA_TOO_LARGE: entry(12, 'The metadata of an offset is longer than offset.metadata.max.bytes allows.'),
  NETWORK_EXCEPTION: retriable(13, 'The connection ended before there was an answer.'),
  COORDINATOR_LOAD_IN_PROGRESS: retriable(14, 'The coordinator is still loading its state.'),
  COORDINATOR_NOT_AVAILABLE: retriable(15, 'No coordinator is available yet.'),
  NOT_COORDINATOR: retriable(16, 'This broker is not the coordinator asked for.'),
  INVALID_TOPIC_EXCEPTION: entry(17, "The topic's name is not valid, or the topic does not allow this."),
  RECORD_LIST_TOO_LARGE: entry(18, 'A record batch is larger than a log segment.'),
  NOT_ENOUGH_REPLICAS: retriable(19, 'Fewer replicas are in sync than min.insync.replicas asks for; nothing was written.'),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: retriable(20, 'The records were written, but to fewer replicas than min.insync.replicas asks for.'),
  INVALID_REQUIRED_ACKS: entry(21, 'acks must be -1, 0 or 1.'),
  ILLEGAL_GENERATION: entry(22, "The generation is not the group's current one."),
  INCONSISTENT_GROUP_PROTOCOL: entry(23, 'The member shares no protocol with the group, or names none.'),
  INVALID_GROUP_ID: entry(24, 'The group id is not valid.'),
  UNKNOWN_MEMBER_ID: entry(25, 'The group has no such member.'),
  INVALID_SESSION_TIMEOUT: entry(26, 'The session time-out lies outside of group.min.session.timeout.ms and group.max.session.timeout.ms.'),
  REBALANCE_IN_PROGRESS: entry(27, 'The group is rebalancing; the member must join again.'),
  INVALID_COMMIT_OFFSET_SIZE: entry(28, 'The offsets to commit do not fit a record.'),
  TOPIC_AUTHORIZATION_FAILED: entry(29, 'Access to the topic is denied.'),
  GROUP_AUTHORIZATION_FAILED: entry(30, 'Access to the group is denied.'),
  CLUSTER_AUTHORIZATION_FAILED: entry(31, 'Access to the cluster is denied.'),
  INVALID_TIMESTAMP: entry(32, "A record's timestamp is further from the broker's time than the topic allows."),
  UNSUPPORTED_SASL_MECHANISM: entry(33, 'The SASL mechanism is not enabled.'),
  ILLEGAL_SASL_STATE: entry(34, 'The request does not fit the state of the SASL exchange.'),
  UNSUPPORTED_VERSION: entry(35, 'The version of the API is not supported.'),
  TOPIC_ALREADY_EXISTS: entry(36, 'A topic of this name exists already.'),
  INVALID_PARTITIONS: entry(37, 'The number of partitions is not valid.'),
  INVALID_REPLICATION_FACTOR: entry(38, 'The replication factor is below 1 or above the number of brokers.'),
  INVALID_REPLICA_ASSIGNMENT: entry(39, 'The replica assignment is not valid.'),
  INVALID_CONFIG: entry(40, 'The configuration is not valid.'),
  NOT_CONTROLLER: retriable(41, 'This node is not the controller.'),
  INVALID_REQUEST: entry(42, 'The request is not well formed.'),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: entry(43, "The topic's record format does not support this."),
  POLICY_VIOLATION: entry(44, 'A policy of the cluster forbids this.'),
  OUT_OF_ORDER_SEQUENCE_NUMBER: entry(45, 'A sequence number is not the one that follows the last.'),
  DUPLICATE_SEQUENCE_NUMBER: entry(46, 'A sequence number was used before.'),
  INVALID_PRODUCER_EPOCH: entry(47, "The producer's epoch is older than the one the broker knows."),
  INVALID_TXN_STATE: entry(48, "The transaction's state does not allow this."),
  INVALID_PRODUCER_ID_MAPPING: entry(49, 'The producer id does not belong to this transactional id.'),
  INVALID_TRANSACTION_TIMEOUT: entry(50, 'The transaction time-out is above transaction.max.timeout.ms.'),
  CONCURRENT_TRANSACTIONS: retriable(51, 'Another operation on the same transaction is under way.'),
  TRANSACTION_COORDINATOR_FENCED: entry(52, 'The marker comes from a transaction coordinator that was replaced.'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: entry(53, 'Access to the transactional id is denied.'),
  SECURITY_DISABLED: entry(54, 'Security features are turned off.'),
  OPERATION_NOT_ATTEMPTED: entry(55, 'This was not tried because something else in the request failed.'),
  KAFKA_STORAGE_ERROR: retriable(56, 'The disk that holds the partition failed.'),
  LOG_DIR_NOT_FOUND: entry(57, 'The broker has no such log directory.'),
  SASL_AUTHENTICATION_FAILED: entry(58, 'Authentication failed.'),
  UNKNOWN_PRODUCER_ID: entry(59, 'The broker knows nothing (any more) of this producer id.'),
  REASSIGNMENT_IN_PROGRESS: entry(60, "The partition's replicas are being moved."),
  DELEGATION_TOKEN_AUTH_DISABLED: entry(61, 'Delegation tokens are turned off.'),
  DELEGATION_TOKEN_NOT_FOUND: entry(62, 'There is no such delegation token.'),
  DELEGATION_TOKEN_OWNER_MISMATCH: entry(63, 'The principal may not own or renew this delegation token.'),
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: entry(64, 'Delegation tokens cannot be managed over this connection.'),
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: entry(65, 'Access to the delegation token is denied.'),
  DELEGATION_TOKEN_EXPIRED: entry(66, 'The delegation token has expired.'),
  INVALID_PRINCIPAL_TYPE: entry(67, 'This type of principal is not supported.'),
  NON_EMPTY_GROUP: entry(68, 'The group still has members.'),
  GROUP_ID_NOT_FOUND: entry(69, 'There is no such group.'),
  FETCH_SESSION_ID_NOT_FOUND: retriable(70, 'There is no such fetch session.'),
  INVALID_FETCH_SESSION_EPOCH: retriable(71, "The epoch is not the fetch session's next one."),
  LISTENER_NOT_FOUND: retriable(72, 'The leader has no listener of the name that was asked.'),
  TOPIC_DELETION_DISABLED: entry(73, 'Topics cannot be deleted here.'),
  FENCED_LEADER_EPOCH: retriable(74, "The request's leader epoch is older than the partition's."),
  UNKNOWN_LEADER_EPOCH: retriable(75, "The request's leader epoch is newer than the partition's."),
  UNSUPPORTED_COMPRESSION_TYPE: entry(76, "The client's version does not know the partition's compression."),
  STALE_BROKER_EPOCH: entry(77, 'The broker has registered again since.'),
  OFFSET_NOT_AVAILABLE: retriable(78, 'The new leader does not know yet up to where offsets are committed.'),
  MEMBER_ID_REQUIRED: entry(79, 'The member must join again with the member id it was given.'),
  PREFERRED_LEADER_NOT_AVAILABLE: retriable(80, 'The preferred leader is not available.'),
  GROUP_MAX_SIZE_REACHED: entry(81, 'The group has as many members as group.max.size allows.'),
  FENCED_INSTANCE_ID: entry(82, 'Another member has taken over this group.instance.id.'),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: retriable(83, 'No replica that may lead is available.'),
  ELECTION_NOT_NEEDED: retriable(84, 'The partition needs no election.'),
  NO_REASSIGNMENT_IN_PROGRESS: entry(85, "The partition's replicas are not being moved."),
  GROUP_SUBSCRIBED_TO_TOPIC: entry(86, 'A member of the group is subscribed to the topic.'),
  INVALID_RECORD: entry(87, 'A record is not valid.'),
  UNSTABLE_OFFSET_COMMIT: retriable(88, 'A transaction with offsets of this partition is still open.'),
  THROTTLING_QUOTA_EXCEEDED: retriable(89, 'A quota is used up for the moment.'),
  PRODUCER_FENCED: entry(90, 'A newer producer uses the same transactional id.'),
  RESOURCE_NOT_FOUND: entry(91, 'There is no such resource.'),
  DUPLICATE_RESOURCE: entry(92, 'The request names a resource twice.'),
  UNACCEPTABLE_CREDENTIAL: entry(93, 'The credential does not meet what is required of it.'),
  INCONSISTENT_VOTER_SET: entry(94, 'The sender or the receiver is not one of the voters.'),
  INVALID_UPDATE_VERSION: entry(95, 'The version does not follow the current one.'),
  FEATURE_UPDATE_FAILED: entry(96, 'The features could not be changed.'),
  PRINCIPAL_DESERIALIZATION_FAILURE: entry(97, 'The principal of a forwarded request could not be read.'),
  SNAPSHOT_NOT_FOUND: entry(98, 'There is no such snapshot.'),
  POSITION_OUT_OF_RANGE: entry(99, 'The position lies outside of the snapshot.'),
  UNKNOWN_TOPIC_ID: retriable(100, 'No topic has this id here.'),
  DUPLICATE_BROKER_REGISTRATION: entry(101, 'Another broker uses this id.'),
  BROKER_ID_NOT_REGISTERED: entry(102, 'No broker of this id is registered.'),
  INCONSISTENT_TOPIC_ID: retriable(103, "The topic's id is not the one in the request."),
  INCONSISTENT_CLUSTER_ID: entry(104, 'The request is meant for another cluster.'),
  TRANSACTIONAL_ID_NOT_FOUND: entry(105, 'There is no such transactional id.'),
  FETCH_SESSION_TOPIC_ID_ERROR: retriable(106, 'The fetch session mixes topic names and ids.'),
  INELIGIBLE_REPLICA: entry(107, 'A replica of the new ISR may not be in it.'),
  NEW_LEADER_ELECTED: entry(108, 'The partition was changed, and its leader too.'),
  OFFSET_MOVED_TO_TIERED_STORAGE: entry(109, 'The offset lies in remote storage only.'),
  FENCED_MEMBER_EPOCH: entry(110, "The member's epoch was fenced; it must give up its partitions and join again."),
  UNRELEASED_INSTANCE_ID: entry(111, 'Another member still uses this instance id.'),
  UNSUPPORTED_ASSIGNOR: entry(112, 'The group does not support this assignor.'),
  STALE_MEMBER_EPOCH: entry(113, "The member's epoch is out of date; a heartbeat tells the new one."),
  MISMATCHED_ENDPOINT_TYPE: entry(114, 'The request was sent to the wrong type of endpoint.'),
  UNSUPPORTED_ENDPOINT_TYPE: entry(115, 'This type of endpoint is not supported.'),
  UNKNOWN_CONTROLLER_ID: entry(116, 'No controller has this id.'),
  UNKNOWN_SUBSCRIPTION_ID: entry(117, 'The telemetry subscription is unknown or out of date.'),
  TELEMETRY_TOO_LARGE: entry(118, 'The telemetry is larger than the broker takes.'),
  INVALID_REGISTRATION: entry(119, 'The registration is not valid.'),
  TRANSACTION_ABORTABLE: entry(120, 'The transaction cannot go on, but can be aborted.'),
  INVALID_RECORD_STATE: entry(121, 'The record is not in a state that can be acknowledged.'),
  SHARE_SESSION_NOT_FOUND: retriable(122, 'There is no such share session.'),
  INVALID_SHARE_SESSION_EPOCH: retriable(123, "The epoch is not the share session's next one."),
  FENCED_STATE_EPOCH: entry(124, "The share group's state epoch is not the expected one."),
  INVALID_VOTER_KEY: entry(125, "The voter's key is not this replica's."),
  DUPLICATE_VOTER: entry(126, 'This replica is a voter already.'),
  VOTER_NOT_FOUND: entry(127, 'There is no such voter.'),
  INVALID_REGULAR_EXPRESSION: entry(128, 'The regular expression is not valid.'),
  REBOOTSTRAP_REQUIRED: entry(129, "The client's metadata is out of date; it must start again from its bootstrap servers."),
  STREAMS_INVALID_TOPOLOGY: entry(130, 'The topology is not valid.'),
  STREAMS_INVALID_TOPOLOGY_EPOCH: entry(131, 'The topology epoch is not valid.'),
  STREAMS_TOPOLOGY_FENCED: entry(132, 'The topology epoch is out of date.'),
  SHARE_SESSION_LIMIT_REACHED: retriable(133, 'There are as many share sessions as the broker allows.'),
  GROUP_DELETION_FAILED: entry(134, 'The group could not be deleted.'),
  STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED: entry(135, "The topology's description could not be stored."),
  CONTROLLER_ID_NOT_REGISTERED: entry(136, 'No controller of this id is registered.'),
} as const satisfies Record<string, ErrorEntry>

export type ErrorName = keyof typeof ERRORS

const namesByCode = new Map<number, ErrorName>(Object.entries(ERRORS).map(([name, { code }]) => [code, name as ErrorName]))

export function errorCode(name: ErrorName): number {
  return ERRORS[name].code
}

/** The name of a code; of one that is not known UNKNOWN_SERVER_ERROR, as Kafka's clients take it. */
export function errorName(code: number): ErrorName {
  return namesByCode.get(code) ?? 'UNKNOWN_SERVER_ERROR'
}

/** A protocol outcome on its way to a response; its `code` is Kafka's name of the error, `errorCode` the number on the wire. */
export class KafkaError extends MillraceError {
  readonly errorName: ErrorName
  readonly errorCode: number

  constructor(name: ErrorName, message: string = ERRORS[name].message, cause?: unknown) {
    super(name, message, cause)
    this.errorName = name
    this.errorCode = ERRORS[name].code
  }

  get retriable(): boolean { return ERRORS[this.errorName].retriable }
}
