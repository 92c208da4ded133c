import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { torture } from './kill-and-restart.ts'

it.each([false, true])('nothing acknowledged is lost, repeated or moved by kill -9 (flush.on.ack=%s)', async (flushOnAck) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-torture-'))
  const outcome = await torture({ seed, kills: 4, dataDir, flushOnAck, loadMsMax: 400, progress: () => {} })
  expect(outcome.violations, `seed ${seed}, data in ${dataDir}`).toEqual([])
  expect(outcome.acknowledged).toBeGreaterThan(0)
  rmSync(dataDir, { recursive: true })
}, 120_000)
