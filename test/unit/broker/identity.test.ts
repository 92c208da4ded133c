import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readIdentity } from '../../../src/broker/identity.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-identity-'))
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

function logDir(name: string, metaProperties?: string): string {
  const dir = join(root, name)
  if (metaProperties !== undefined) {
    mkdirSync(dir)
    writeFileSync(join(dir, 'meta.properties'), metaProperties)
  }
  return dir
}

test('on the first start no cluster is known, and missing directories are made', () => {
  const dirs = [logDir('a'), logDir('b/c')]
  expect(readIdentity(dirs)).toBeUndefined()
  expect(dirs.every((dir) => existsSync(dir))).toBe(true)
})

test('later the cluster id is that of the directories, and a new directory joins them', () => {
  const dirs = [logDir('new'), logDir('a', 'version=1\ncluster.id=Sm9pbi1UaGUtRmlyc3QtMQ\nnode.id=1\n')]
  expect(readIdentity(dirs)).toBe('Sm9pbi1UaGUtRmlyc3QtMQ')
})

test.each([
  { name: 'of two clusters', files: ['cluster.id=Sm9pbi1UaGUtRmlyc3QtMQ', 'cluster.id=Sm9pbi1UaGUtRmlyc3QtMg'], message: /b belongs to cluster Sm9pbi1UaGUtRmlyc3QtMg, and .*a to cluster Sm9pbi1UaGUtRmlyc3QtMQ$/ },
  { name: 'without a cluster id', files: ['node.id=1'], message: /a\/meta.properties has no valid cluster.id$/ },
  { name: 'with something else for an id', files: ['cluster.id=mine'], message: /a\/meta.properties has no valid cluster.id: mine$/ },
])('directories $name are refused in one line', ({ files, message }) => {
  const dirs = files.map((text, index) => logDir('ab'[index] ?? '', text))
  expect(() => readIdentity(dirs)).toThrow(expect.objectContaining({ code: 'LOG_DIRS', message: expect.stringMatching(message) }))
})

test('a file in the place of a directory is refused in one line', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => readIdentity([join(root, 'file')])).toThrow(/^\S+file cannot be used: /)
})

test.skipIf(process.getuid?.() === 0)('a directory that may not be written is refused in one line', () => {
  chmodSync(root, 0o555)
  expect(() => readIdentity([logDir('a/b')])).toThrow(/cannot be written: EACCES$/)
})
