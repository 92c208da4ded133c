import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openMetadata } from '../../support/metadata-fixture.ts'
import type { MetadataApi } from '../../support/metadata-fixture.ts'
import { CONVERSATIONS, GIVEN_SETTINGS } from './conversations.ts'
import { DIFFERENCES } from './differences.ts'
import { comparable } from './question.ts'

describe.each(Object.entries(CONVERSATIONS))('%s: the answers are those of Apache Kafka', async (conversation, { questions, brief }) => {
  const recorded = JSON.parse(readFileSync(new URL(`${conversation}.json`, import.meta.url), 'utf8')) as Record<string, unknown>
  const asked = questions()
  const answers = new Map<string, unknown>()
  const { call, runtime } = await openMetadata({ settings: GIVEN_SETTINGS })
  for (const { name, api, version, request } of asked) {
    answers.set(name, comparable(await call(api as MetadataApi, request as never, version), brief))
    await runtime.idle()
  }

  test('each question has its own name', () => {
    expect(new Set(asked.map(({ name }) => name)).size).toBe(asked.length)
    expect(Object.keys(recorded)).toEqual(asked.map(({ name }) => name))
  })

  test.each(asked)('$name', ({ name }) => {
    if (DIFFERENCES.has(name)) expect(answers.get(name)).not.toEqual(recorded[name])
    else expect(answers.get(name)).toEqual(recorded[name])
  })
})
