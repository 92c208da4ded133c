// Runs every suite that needs nothing but the registries, and closes with one line that counts all their tests.

import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** The pinned Node, which runs TypeScript as it is; the one that began this may be the system's, found before there was another. */
const NODE = join('node_modules', '.bin', 'node')

/** Runs a suite with its output shown, and adds up the tests that `count` finds in that output. */
function suite(name, command, args, count) {
  return new Promise((resolve) => {
    console.log(`\n# ${name}`)
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        output += text
        process.stdout.write(text)
      })
    }
    child.on('error', (error) => resolve({ name, passed: 0, failed: 1, why: error.message }))
    child.on('close', (status) => {
      const { passed, failed } = count(output)
      const broken = status !== 0 && failed === 0
      resolve({ name, passed, failed: failed + (broken ? 1 : 0), why: broken ? `exit ${status}` : '' })
    })
  })
}

const sum = (output, pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
const plain = (output) => output.replaceAll(/\u001b\[[0-9;]*m/g, '')

const cargo = (output) => ({ passed: sum(output, /test result: .*? (\d+) passed/g), failed: sum(output, /test result: .*? (\d+) failed/g) })
const vitest = (output) => {
  const line = plain(output).match(/^\s*Tests\s.*$/m)?.[0] ?? ''
  return { passed: sum(line, /(\d+) passed/g), failed: sum(line, /(\d+) failed/g) }
}

/** The type checker of tests and benches, which run without being compiled: one check, or as many failures as it finds. */
const types = (output) => {
  const failed = [...output.matchAll(/error TS\d+/g)].length
  return { passed: failed === 0 ? 1 : 0, failed }
}

const results = [
  await suite('Types', NODE, ['node_modules/typescript/bin/tsc', '-p', 'test/tsconfig.json'], types),
  await suite('Rust', 'cargo', ['test', '--workspace', '--release', '--quiet'], cargo),
  await suite('TypeScript', NODE, ['node_modules/vitest/vitest.mjs', 'run'], vitest),
]
for (const { name, failed, why } of results) if (failed > 0) console.log(`${name}: ${failed} failed ${why}`)
const passed = results.reduce((total, result) => total + result.passed, 0)
const failed = results.reduce((total, result) => total + result.failed, 0)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
