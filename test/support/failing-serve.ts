// A broker's process in which something goes wrong that nobody catches: `failing-serve.ts DIR rejection|exception`.

import { run } from '../../src/cli/run.ts'
import { processTerminal } from '../../src/cli/terminal.ts'

const [directory = '', fault] = process.argv.slice(2)
const interruption = new AbortController()
process.on('SIGTERM', () => interruption.abort())
process.stdin.on('data', () => {
  if (fault === 'rejection') void Promise.reject(new Error('planted'))
  else setImmediate(() => { throw new Error('planted') })
})
process.exitCode = await run(['serve', '--port', '0', '--data', directory, '--admin-port', 'none'], processTerminal(interruption.signal))
process.stdin.destroy()
