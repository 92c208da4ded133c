import { expect, test } from 'vitest'
import { LogDirectories } from '../../../src/broker/log-directories.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'

function directories(cordoned: { dynamic?: string; given?: string } = {}): LogDirectories {
  const texts = (value: string | undefined) => new Map(value === undefined ? [] : [['cordoned.log.dirs', value] as const])
  return new LogDirectories(['/a', '/b'].map((path) => ({ path, id: `id-of-${path}` as Uuid })), () => ({ dynamicBroker: texts(cordoned.dynamic), dynamicDefault: new Map(), given: texts(cordoned.given) }))
}

test.each([
  { case: 'nothing set', cordoned: {}, are: [] },
  { case: 'one given at the start', cordoned: { given: '/b' }, are: ['/b'] },
  { case: 'another set while running', cordoned: { given: '/b', dynamic: '/a' }, are: ['/a'] },
  { case: 'none set while running', cordoned: { given: '/b', dynamic: '' }, are: [] },
  { case: 'both, with spaces', cordoned: { given: ' /a , /b ' }, are: ['/a', '/b'] },
  { case: 'all', cordoned: { dynamic: '*' }, are: ['/a', '/b'] },
  { case: 'another spelling', cordoned: { given: '/a/../b/' }, are: ['/b'] },
])('$case: $are are cordoned', ({ cordoned, are }) => {
  expect(directories(cordoned).cordoned.map(({ path }) => path)).toEqual(are)
})

test('a failed directory is news once and stays offline; one that is not ours is none', () => {
  const dirs = directories()
  expect([dirs.fail('/b'), dirs.fail('/b'), dirs.fail('/c'), dirs.fail('')]).toEqual([true, false, false, false])
  expect([dirs.online.map(({ id }) => id), dirs.offline.map(({ id }) => id), dirs.isOnline('/a'), dirs.isOnline('/b')]).toEqual([['id-of-/a'], ['id-of-/b'], true, false])
})
