import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Acknowledgements } from './acknowledgements.ts'

test('counts what was acknowledged since the last look and finds the longest silence over all clients', () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-acknowledgements-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const write = (name: string, ...entries: [type: string, at: number][]): void =>
    appendFileSync(join(dir, name), entries.map(([type, at]) => `${JSON.stringify({ at, type, values: ['a'], offset: 0 })}\n`).join(''))
  const watch = new Acknowledgements(dir)

  write('a.jsonl', ['send', 1_010], ['acknowledged', 1_020], ['acknowledged', 1_900])
  write('b.jsonl', ['acknowledged', 1_400])
  expect(watch.take(1_000, 2_000)).toEqual({ batches: 3, longestSilenceMs: 500 })

  // A line that is only begun counts once it is whole.
  appendFileSync(join(dir, 'a.jsonl'), '{"at":2100,"type":"acknow')
  expect(watch.take(2_000, 2_200)).toEqual({ batches: 0, longestSilenceMs: 200 })
  appendFileSync(join(dir, 'a.jsonl'), 'ledged","values":["b"],"offset":1}\n')
  expect(watch.take(2_000, 3_000)).toEqual({ batches: 1, longestSilenceMs: 900 })
})
