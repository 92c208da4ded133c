// Which partition of an internal topic keeps a key. Clients and other brokers compute the same.

/** Java's `String.hashCode`. */
export function javaHashCode(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}

/** The partition of a group id or transactional id; -1 while the topic has none. */
export function partitionForKey(key: string, partitionCount: number): number {
  if (partitionCount <= 0) return -1
  const hash = javaHashCode(key)
  // As Java's abs, which leaves the smallest int negative, is used with a guard there: its partition is 0.
  return hash === -2_147_483_648 ? 0 : Math.abs(hash) % partitionCount
}
