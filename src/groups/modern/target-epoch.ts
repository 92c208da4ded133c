// The record that says in which epoch, and when, the target of a group was computed. It is alike in all modern kinds of groups.

export type TargetEpoch = { readonly assignmentEpoch: number; readonly assignmentTimestamp: bigint }

const NO_TARGET: TargetEpoch = { assignmentEpoch: -1, assignmentTimestamp: 0n }

/** Applies the record's value to a group, null for a tombstone. */
export function replayTargetEpoch(group: { assignmentEpoch: number; assignedAtMs: number }, value: TargetEpoch | null): void {
  const { assignmentEpoch, assignmentTimestamp } = value ?? NO_TARGET
  group.assignmentEpoch = assignmentEpoch
  group.assignedAtMs = Number(assignmentTimestamp)
}
