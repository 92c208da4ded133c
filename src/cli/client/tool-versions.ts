// The versions that the tools keep to.

import type { VersionLimits } from '../../interbroker/broker-connection.ts'
import { INT32_MAX } from '../../shared/limits.ts'

/**
 * Newest version used where a newer one names topics by id alone, and oldest version whose request has the fields
 * that are filled in here.
 */
export const TOOL_VERSIONS: VersionLimits = {
  Produce: { minVersion: 3, maxVersion: 12 },
  Fetch: { minVersion: 4, maxVersion: 12 },
  OffsetCommit: { minVersion: 2, maxVersion: 9 },
  OffsetFetch: { minVersion: 8, maxVersion: 9 },
  FindCoordinator: { minVersion: 4, maxVersion: INT32_MAX },
}
