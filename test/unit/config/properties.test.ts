import { expect, test } from 'vitest'
import { parseProperties } from '../../../src/config/properties.ts'

test.each([
  ['a=1\n# no\n! no\n  b : 2', { a: '1', b: '2' }],
  ['a 1\r\nb\t=\t2 \r\n\r\n', { a: '1', b: '2 ' }],
  ['list=a,\\\n   b,\\\n   c', { list: 'a,b,c' }],
  ['not.continued=a\\\\\nb=2', { 'not.continued': 'a\\', b: '2' }],
  ['a\\ b\\=c=\\u0041\\t\\x\\:', { 'a b=c': 'A\tx:' }],
  ['empty=\nbare', { empty: '', bare: '' }],
  ['a=b=c:d', { a: 'b=c:d' }],
  ['twice=1\ntwice=2', { twice: '2' }],
  ['last=1\\', { last: '1' }],
  ['#comment\\\nkey=1', { key: '1' }],
  ['log.dirs=/a b/c', { 'log.dirs': '/a b/c' }],
])('%j', (text, expected) => {
  expect(Object.fromEntries(parseProperties(text))).toEqual(expected)
})
