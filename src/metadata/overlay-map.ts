// An immutable map that shares what did not change. A large base is never written once it is shared; changes lie over it
// and are merged into a new base when they have grown, so a change costs the size of the overlay and, spread over many
// changes, a small part of the base.

const OVERLAY_SIZE_MIN = 32

export class OverlayMap<K, V> implements ReadonlyMap<K, V> {
  readonly size: number
  readonly #base: ReadonlyMap<K, V>
  /** Undefined stands for a key of the base that is gone. */
  readonly #overlay: ReadonlyMap<K, V | undefined>

  private constructor(base: ReadonlyMap<K, V>, overlay: ReadonlyMap<K, V | undefined>, size: number) {
    this.#base = base
    this.#overlay = overlay
    this.size = size
  }

  static empty<K, V>(): OverlayMap<K, V> {
    return new OverlayMap<K, V>(new Map(), new Map(), 0)
  }

  /** This map with each key set to its value, or without it where the value is undefined. */
  with(changes: ReadonlyMap<K, V | undefined>): OverlayMap<K, V> {
    if (changes.size === 0) return this
    let size = this.size
    for (const [key, value] of changes) {
      if (value === undefined) size -= this.has(key) ? 1 : 0
      else size += this.has(key) ? 0 : 1
    }
    const overlay = new Map(this.#overlay)
    for (const [key, value] of changes) {
      // A key that moves from "gone" to a value keeps no place of its own in the order; nobody may rely on the order.
      if (value === undefined && !this.#base.has(key)) overlay.delete(key)
      else overlay.set(key, value)
    }
    if (overlay.size <= Math.max(OVERLAY_SIZE_MIN, Math.sqrt(this.#base.size))) return new OverlayMap(this.#base, overlay, size)
    const merged = new Map(this.#base)
    for (const [key, value] of overlay) {
      if (value === undefined) merged.delete(key)
      else merged.set(key, value)
    }
    return new OverlayMap(merged, new Map(), size)
  }

  get(key: K): V | undefined {
    const value = this.#overlay.get(key)
    return value !== undefined || this.#overlay.has(key) ? value : this.#base.get(key)
  }

  has(key: K): boolean {
    return this.#overlay.has(key) ? this.#overlay.get(key) !== undefined : this.#base.has(key)
  }

  *entries(): MapIterator<[K, V]> {
    for (const entry of this.#base) if (!this.#overlay.has(entry[0])) yield entry
    for (const [key, value] of this.#overlay) if (value !== undefined) yield [key, value]
  }

  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(run: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this)
  }
}
