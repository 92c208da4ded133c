// The checker finds each kind of fault when it is planted, and finds nothing where there is none.

import { expect, test } from 'vitest'
import { checkHistory } from './check-history.ts'
import type { Rule } from './check-history.ts'
import type { Entry } from './history.ts'

type Of<T extends Entry['type']> = Extract<Entry, { type: T }>

/** A small, correct history: plain records, a committed, an aborted and an undecided transaction, copies, and readers. */
function soundHistory(): Entry[] {
  const send = (producer: string, transaction: string | null, partition: number, ...values: string[]): Entry => ({ type: 'send', producer, transaction, topic: 't', partition, values })
  const acknowledged = (offset: number | null, ...values: string[]): Entry => ({ type: 'acknowledged', values, offset })
  const all: [number, string][] = [[0, 'a1'], [1, 'a2'], [2, 'c1'], [3, 'x1'], [6, 'u1'], [7, 'a3']]
  const committed = all.filter(([, value]) => value !== 'x1')
  const read = (committed: boolean, records: [number, string][]): Entry => ({ type: 'polled', reader: committed ? 'rc' : 'ru', session: '1', committed, topic: 't', partition: 0, records })
  const copy = (index: number, source: number): Entry => ({ type: 'send', producer: 'copier', transaction: `k${index}`, topic: 'copies', partition: 0, values: [`copy ${index}`], sources: [source], sourceTopic: 't' })
  return [
    send('a', null, 0, 'a1', 'a2'), acknowledged(0, 'a1', 'a2'), send('a', null, 0, 'a3'), acknowledged(7, 'a3'), send('a', null, 0, 'never answered'),
    send('c', 'c', 0, 'c1'), acknowledged(2, 'c1'), send('c', 'c', 1, 'c2'), acknowledged(null, 'c2'), { type: 'ending', transaction: 'c', commit: true }, { type: 'ended', transaction: 'c', commit: true },
    send('x', 'x', 0, 'x1'), acknowledged(3, 'x1'), { type: 'ending', transaction: 'x', commit: false }, { type: 'ended', transaction: 'x', commit: false },
    send('u', 'u', 0, 'u1'), acknowledged(6, 'u1'), send('u', 'u', 1, 'u2'), acknowledged(5, 'u2'), { type: 'ending', transaction: 'u', commit: true },
    ...[0, 1, 2].flatMap((index): Entry[] => [copy(index, index), { type: 'ending', transaction: `k${index}`, commit: true }, { type: 'ended', transaction: `k${index}`, commit: true }]),
    read(true, committed.slice(0, 2)), read(true, committed.slice(2)), read(false, all),
    { type: 'final', committed: false, topic: 't', partition: 0, records: all }, { type: 'final', committed: true, topic: 't', partition: 0, records: committed },
    ...[false, true].map((each): Entry => ({ type: 'final', committed: each, topic: 't', partition: 1, records: [[0, 'c2'], [5, 'u2']] })),
    { type: 'committing', group: 'g', topic: 't', partition: 0, offset: 3 }, { type: 'committed', group: 'g', topic: 't', partition: 0, offset: 3 }, { type: 'lookedUp', group: 'g', topic: 't', partition: 0, offset: 3 },
    // Nobody knows whether this commit came to pass.
    { type: 'committing', group: 'g', topic: 't', partition: 0, offset: 4 }, { type: 'lookedUp', group: 'g', topic: 't', partition: 0, offset: 4 },
    ...[1, 2].map((broker): Entry => ({ type: 'replica', broker, topic: 't', partition: 0, records: [...all] })),
    ...[false, true].map((each): Entry => ({ type: 'final', committed: each, topic: 'copies', partition: 0, records: [[0, 'copy 0'], [2, 'copy 1'], [4, 'copy 2']] })),
  ]
}

/** Changes the final contents of a partition, with and without what is not committed. */
function changeFinal(entries: Entry[], topic: string, partition: number, change: (records: [number, string][]) => [number, string][], which: boolean[] = [false, true]): Entry[] {
  return entries.map((entry) => (entry.type === 'final' && entry.topic === topic && entry.partition === partition && which.includes(entry.committed) ? { ...entry, records: change(entry.records) } : entry))
}

const without = (value: string) => (records: [number, string][]): [number, string][] => records.filter(([, each]) => each !== value)
const swap = (one: string, other: string) => (records: [number, string][]): [number, string][] => records.map(([offset, value]) => [offset, value === one ? other : value === other ? one : value])
const polls = (entries: Entry[], committed: boolean): Of<'polled'>[] => entries.filter((entry): entry is Of<'polled'> => entry.type === 'polled' && entry.committed === committed)

const FAULTS: [name: string, rule: Rule, plant: (entries: Entry[]) => Entry[] | void][] = [
  ['an acknowledged record is gone', 'lost', (entries) => changeFinal(entries, 't', 0, without('a3'))],
  ['a committed record is not visible', 'lost', (entries) => changeFinal(entries, 't', 1, without('c2'), [true])],
  ['a record of an aborted transaction was never stored', 'lost', (entries) => changeFinal(entries, 't', 0, without('x1'))],
  ['a record is at another offset than was told', 'moved', (entries) => changeFinal(entries, 't', 0, (records) => records.map(([offset, value]) => [value === 'a3' ? 9 : offset, value]))],
  ['an offset changed its record after it was read', 'moved', (entries) => { polls(entries, false)[0]?.records.splice(0, 1, [0, 'never answered']) }],
  ['a record is there twice', 'duplicated', (entries) => changeFinal(entries, 't', 0, (records) => [...records, [8, 'a3']])],
  ['records of a producer changed places', 'reordered', (entries) => changeFinal(entries, 't', 0, swap('a2', 'a3'))],
  ['an aborted record is read', 'aborted', (entries) => { polls(entries, true)[0]?.records.push([3, 'x1']) }],
  ['a record of a transaction that nobody committed is visible', 'aborted', (entries) => entries.filter((entry) => !((entry.type === 'ending' || entry.type === 'ended') && entry.transaction === 'c'))],
  ['one half of an undecided transaction is visible', 'torn', (entries) => changeFinal(entries, 't', 1, without('u2'), [true])],
  ['a reader goes back', 'backwards', (entries) => { polls(entries, true)[1]?.records.push([1, 'a2']) }],
  ['a reader passes a record over', 'skipped', (entries) => { polls(entries, true)[1]?.records.splice(0, 1) }],
  ['a record is copied twice', 'recopied', (entries) => entries.map((entry) => (entry.type === 'send' && entry.values[0] === 'copy 2' ? { ...entry, sources: [1] } : entry))],
  ['a record is not copied', 'recopied', (entries) => changeFinal(entries, 'copies', 0, without('copy 1'))],
  ['a record comes from nowhere', 'phantom', (entries) => { polls(entries, true)[1]?.records.push([9, 'nobody']) }],
  ['a committed offset is gone', 'forgotten', (entries) => [...entries, { type: 'lookedUp', group: 'g', topic: 't', partition: 0, offset: -1 }]],
  ['an older offset than the committed one is found', 'forgotten', (entries) => [...entries, { type: 'lookedUp', group: 'g', topic: 't', partition: 0, offset: 2 }]],
  ['an offset is found that nobody committed', 'forgotten', (entries) => [...entries, { type: 'lookedUp', group: 'g', topic: 't', partition: 0, offset: 9 }]],
  ['a replica holds another record', 'diverged', (entries) => { entries.find((entry): entry is Of<'replica'> => entry.type === 'replica')?.records.splice(1, 1, [1, 'never answered']) }],
  ['a replica holds a record too many', 'diverged', (entries) => { entries.find((entry): entry is Of<'replica'> => entry.type === 'replica')?.records.push([8, 'never answered']) }],
  ['a record is in a partition it was not sent to', 'phantom', (entries) => changeFinal(entries, 't', 1, (records) => [...records, [7, 'never answered']])],
]

test('finds nothing in a history without faults', () => {
  expect(checkHistory(soundHistory())).toEqual([])
})

test.each(FAULTS)('%s: %s', (_name, rule, plant) => {
  const entries = soundHistory()
  const violations = checkHistory(plant(entries) ?? entries)
  expect(violations.map((each) => each.rule)).toContain(rule)
})

test('an undecided transaction may as well be invisible as a whole', () => {
  const hidden = changeFinal(changeFinal(soundHistory(), 't', 0, without('u1'), [true]), 't', 1, without('u2'), [true])
  const neverSeen = hidden.map((entry) => (entry.type === 'polled' && entry.committed ? { ...entry, records: without('u1')(entry.records) } : entry))
  expect(checkHistory(neverSeen)).toEqual([])
})
