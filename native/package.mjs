// Makes the two tarballs that are published: the package, and the platform package with the addon of this machine, named
// as napi-rs names them. `npm install` of both needs neither Rust nor a compiler.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const out = join(root, 'artifacts')
const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const addon = readdirSync(join(root, 'native', 'binding')).find((name) => name.endsWith('.node'))
if (addon === undefined) throw new Error('there is no addon: run npm run build first')
const platform = addon.replace(/^millrace\./, '').replace(/\.node$/, '')
const [os, cpu, libc] = platform.split('-')

rmSync(out, { recursive: true, force: true })
const platformDir = join(out, 'platform')
mkdirSync(platformDir, { recursive: true })
copyFileSync(join(root, 'native', 'binding', addon), join(platformDir, addon))
const name = `${description.napi.packageName}-${platform}`
const platformPackage = {
  name,
  version: description.version,
  description: `The addon of ${description.name} for ${platform}`,
  license: description.license,
  main: addon,
  files: [addon],
  os: [os],
  cpu: [cpu],
  ...(libc === undefined ? {} : { libc: [libc === 'gnu' ? 'glibc' : libc] }),
  engines: description.engines,
}
writeFileSync(join(platformDir, 'package.json'), `${JSON.stringify(platformPackage, null, 2)}\n`)
for (const directory of [root, platformDir]) {
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', out], { cwd: directory, stdio: ['ignore', 'inherit', 'inherit'] })
  if (packed.status !== 0) throw new Error(`npm pack failed in ${directory}`)
}
rmSync(platformDir, { recursive: true })
