// Makes a clone ready to run: installs packages, builds the addon and compiles TypeScript, each only when what it is made
// from has changed. Runs on any Node that npm finds; needs nothing that it installs itself.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamps = join(root, 'node_modules', '.millrace')

/** What the build of the addon writes beside its sources. */
const generated = ['index.js', 'index.d.ts'].map((name) => join('native', 'binding', name))

/** Files below `path` that a step reads, as `name size mtime` lines; a changed line is a changed input. */
function inputs(path) {
  const full = join(root, path)
  const status = statSync(full, { throwIfNoEntry: false })
  if (status === undefined) return []
  if (!status.isDirectory()) return [`${path} ${status.size} ${status.mtimeMs}`]
  return readdirSync(full)
    .filter((name) => name !== 'target' && name !== 'fuzz' && !name.endsWith('.node') && !generated.includes(join(path, name)))
    .sort()
    .flatMap((name) => inputs(join(path, name)))
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: process.env })
  if (result.error?.code === 'ENOENT') {
    console.error(`millrace: '${command}' is not installed`)
    process.exit(1)
  }
  if (result.status !== 0) {
    console.error(`millrace: '${command} ${args.join(' ')}' failed`)
    process.exit(result.status ?? 1)
  }
}

const hasAddon = () => readdirSync(join(root, 'native', 'binding')).some((name) => name.endsWith('.node'))

/** Runs `work` unless `isMade` and the inputs are those of the last time. */
function step(name, what, paths, isMade, work) {
  const digest = createHash('sha256').update(paths.flatMap(inputs).join('\n')).digest('hex')
  const stamp = join(stamps, name)
  if (isMade() && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  console.error(`millrace: ${what} …`)
  const began = Date.now()
  work()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, digest)
  console.error(`millrace: ${what} took ${((Date.now() - began) / 1000).toFixed(1)} s`)
}

const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js')
const node = join(root, 'node_modules', '.bin', 'node')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

step('packages', 'installing packages', ['package-lock.json'], () => existsSync(join(root, 'node_modules', '.bin')), () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']))
step('addon', 'building the native addon (the first build takes minutes)', ['Cargo.toml', 'Cargo.lock', 'native'], hasAddon, () =>
  run(node, [napi, 'build', '--platform', '--release', '--esm', '--manifest-path', 'native/binding/Cargo.toml', '--output-dir', 'native/binding']),
)
step('typescript', 'compiling TypeScript', ['tsconfig.json', 'src', 'package-lock.json'], () => existsSync(join(root, 'dist', 'index.js')), () => run(node, [tsc, '-p', 'tsconfig.json']))
