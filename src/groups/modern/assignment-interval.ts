// Members tend to come and go together, and are looked at together: a group's target is computed at most once in an interval
// (`group.*.assignment.interval.ms`).

/** How long until a group's target may be computed again, in milliseconds; 0 for now. `assignedAtMs` is 0 for a group that has had no target. */
export function assignmentWaitMs(assignedAtMs: number, intervalMs: number, nowMs: number): number {
  // A clock that was set back does not make a group wait for longer.
  const isFirst = assignedAtMs === 0 || nowMs < assignedAtMs
  return isFirst ? 0 : Math.max(0, assignedAtMs + intervalMs - nowMs)
}

/** When a member is to ask again: at the usual time, or where a new target waits for its time, as soon as that has come. */
export function nextHeartbeatMs(usualMs: number, waitMs: number): number {
  return waitMs > 0 ? Math.min(usualMs, waitMs) : usualMs
}
