// What the group coordinator asks of the share coordinator, which keeps how far a share group has come in each partition
// (KIP-932). Shapes are those of the APIs of the same names, so an implementation may answer here or ask another broker.

import type { RequestOf, ResponseOf } from '../../protocol/api-keys.ts'

export type InitializeShareTopics = RequestOf<'InitializeShareGroupState'>['topics']
export type InitializeShareResults = ResponseOf<'InitializeShareGroupState'>['results']
export type DeleteShareTopics = RequestOf<'DeleteShareGroupState'>['topics']
export type DeleteShareResults = ResponseOf<'DeleteShareGroupState'>['results']
export type ReadShareSummaryTopics = RequestOf<'ReadShareGroupStateSummary'>['topics']
export type ReadShareSummaryResults = ResponseOf<'ReadShareGroupStateSummary'>['results']

/**
 * Each method answers for every partition it was asked about, topics and partitions in the order of the request, with
 * Kafka's error code per partition. A failure is a code too: none of the promises rejects. A coordinator that is about to
 * be there is waited for, within reason.
 */
export interface ShareStates {
  /**
   * Gives each partition the state epoch and start offset; -1 as start offset means that it is found by the group's
   * `share.auto.offset.reset` when the partition is first read. An epoch behind the one known is FENCED_STATE_EPOCH.
   */
  initialize(groupId: string, topics: InitializeShareTopics): Promise<InitializeShareResults>
  /** Forgets the partitions; one that has no state is no error. */
  delete(groupId: string, topics: DeleteShareTopics): Promise<DeleteShareResults>
  /** A partition without state has start offset -1 and no error; a leader epoch of -1 is not checked. */
  readSummary(groupId: string, topics: ReadShareSummaryTopics): Promise<ReadShareSummaryResults>
}
