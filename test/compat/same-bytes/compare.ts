// Compares two brokers' answers to the same request, field by field. What must differ between any two brokers (ids, ports,
// times) is replaced by its kind: set, zero or unset.

export type Difference = { readonly path: string; readonly kafka: unknown; readonly millrace: unknown }

/** Fields whose value is the broker's own; only whether they are set is compared. */
const OWN_VALUES: ReadonlySet<string> = new Set([
  'topicId', 'memberId', 'producerId', 'port', 'clusterId', 'leader', 'brokerEpoch', 'finalizedFeaturesEpoch', 'sessionId', 'logAppendTimeMs', 'partitionSize',
  'totalBytes', 'usableBytes', 'logDir', 'replicaDirectoryId', 'lastFetchTimestamp', 'lastCaughtUpTimestamp', 'logEndOffset', 'highWatermarkOfQuorum', 'startTimestamp',
  'transactionStartTimeMs', 'lastTimestamp', 'throttleTimeMs',
])
const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** A value without what is the broker's own; elements of arrays are in an order that does not depend on the broker. */
export function normalize(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) return value.map((element) => normalize(element, field)).sort((a, b) => (text(a) < text(b) ? -1 : 1))
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, normalize(inner, name)]))
  if (OWN_VALUES.has(field)) return kindOf(value)
  return typeof value === 'bigint' ? Number(value) : value
}

function kindOf(value: unknown): unknown {
  if (value === null || value === '' || value === ZERO_UUID) return value
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) < 0 ? Number(value) : value == 0 ? 0 : '(set)'
  return '(set)'
}

/** Where two normalized values differ. */
export function differences(kafka: unknown, millrace: unknown, path = ''): Difference[] {
  if (Array.isArray(kafka) && Array.isArray(millrace)) {
    const [theirs, ours] = [byName(kafka), byName(millrace)]
    if (theirs !== undefined && ours !== undefined) {
      const names = new Set([...theirs.keys(), ...ours.keys()])
      return [...names].flatMap((name) => differences(theirs.get(name), ours.get(name), `${path}[${name}]`))
    }
  }
  if (Array.isArray(kafka) && Array.isArray(millrace) && kafka.length === millrace.length) {
    return kafka.flatMap((element, index) => differences(element, millrace[index], `${path}[${nameOf(element) ?? index}]`))
  }
  if (isObject(kafka) && isObject(millrace)) {
    const names = new Set([...Object.keys(kafka), ...Object.keys(millrace)])
    return [...names].flatMap((name) => differences(kafka[name], millrace[name], path === '' ? name : `${path}.${name}`))
  }
  return text(kafka) === text(millrace) ? [] : [{ path, kafka, millrace }]
}

/** Elements by what names them; undefined where that is not one element each. */
function byName(elements: readonly unknown[]): Map<string, unknown> | undefined {
  const named = new Map<string, unknown>()
  for (const element of elements) {
    const name = nameOf(element)
    if (name === undefined || named.has(name)) return undefined
    named.set(name, element)
  }
  return named
}

function nameOf(element: unknown): string | undefined {
  if (!isObject(element)) return undefined
  if (element['resourceName'] !== undefined) return `${String(element['resourceType'])}:${String(element['resourceName'])}`
  const name = element['name'] ?? element['groupId'] ?? element['partitionIndex'] ?? element['transactionalId']
  return name === undefined || name === null ? undefined : String(name)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined'
}
