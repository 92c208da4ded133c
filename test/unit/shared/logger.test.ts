import { expect, test } from 'vitest'
import { Logging } from '../../../src/shared/logger.ts'

function setup() {
  const lines: string[] = []
  const logging = new Logging({ level: 'INFO', write: (line) => lines.push(line), nowMs: () => 0 })
  return { lines, logging }
}

test('a line holds time, level, name, sentence and fields', () => {
  const { lines, logging } = setup()
  logging.logger('broker').warn('disk is slow', { dir: '/a b', took: 5n, error: new Error('x\n  y') })
  expect(lines).toEqual(['1970-01-01T00:00:00.000Z WARN  [broker] disk is slow dir="/a b" took=5 error="x y"\n'])
})

test('control characters in fields are escaped', () => {
  const { lines, logging } = setup()
  logging.logger('broker').info('client', { id: 'a\u001b[2J\nb' })
  expect(lines[0]).toContain('id="a\\u001b[2J\\nb"')
})

test('a level set for one name holds until it is given back to the root', () => {
  const { lines, logging } = setup()
  const groups = logging.logger('groups')
  const topics = logging.logger('topics')
  logging.setLevel('groups', 'DEBUG')
  groups.debug('one')
  topics.debug('two')
  logging.setLevel('groups', null)
  groups.debug('three')
  logging.setLevel('root', 'ERROR')
  groups.warn('four')
  expect(lines.map((line) => line.slice(25).trim())).toEqual(['DEBUG [groups] one'])
  expect([...logging.levels()]).toEqual([['root', 'ERROR'], ['groups', 'ERROR'], ['topics', 'ERROR']])
})
