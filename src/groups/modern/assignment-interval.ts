/**
 * Whether a group's target may be computed again: members tend to come and go together, and are looked at together at most
 * once in `intervalMs` (`group.*.assignment.interval.ms`). `assignedAtMs` is 0 for a group that has had no target.
 */
export function mayAssign(assignedAtMs: number, intervalMs: number, nowMs: number): boolean {
  return assignedAtMs === 0 || intervalMs === 0 || nowMs >= assignedAtMs + intervalMs
}
