// The version of this package, as its package.json has it; the path is the same from `src` and from `dist`.

import { readFileSync } from 'node:fs'

export const VERSION = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
