// Brokers that can be killed and started again on the same data: Millrace from this working tree, and Apache Kafka
// through a script that knows `start --port N --dir D --set K=V` and `stop --dir D --signal KILL`.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface KillableBroker {
  /** Resolves once it accepts connections. */
  start(): Promise<void>
  kill(signal: 'KILL' | 'TERM'): Promise<void>
}

const SETTINGS = ['transaction.abort.timed.out.transaction.cleanup.interval.ms=1000', 'group.initial.rebalance.delay.ms=0']
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export class Millrace implements KillableBroker {
  readonly #port: number
  readonly #dataDir: string
  #process: ChildProcess | undefined

  constructor(port: number, dataDir: string) {
    this.#port = port
    this.#dataDir = dataDir
  }

  async start(): Promise<void> {
    const sets = SETTINGS.flatMap((setting) => ['--set', setting])
    const child = spawn(process.execPath, [MAIN, 'serve', '--port', String(this.#port), '--admin-port', 'none', '--data', this.#dataDir, ...sets], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = child
    let output = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-10_000)
        if (output.includes('listening')) resolve()
        for (const line of text.split('\n')) if (/ (WARN|ERROR) /.test(line)) console.log(`broker: ${line}`)
      })
      child.once('exit', (status) => reject(new Error(`the broker ended with ${status}: ${output}`)))
    })
  }

  async kill(signal: 'KILL' | 'TERM'): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    const gone = once(child, 'exit')
    child.kill(`SIG${signal}`)
    await gone
  }
}

export class ApacheKafka implements KillableBroker {
  readonly #script: string
  readonly #port: number
  readonly #dataDir: string

  constructor(script: string, port: number, dataDir: string) {
    this.#script = script
    this.#port = port
    this.#dataDir = dataDir
  }

  async start(): Promise<void> {
    await this.#run(['start', '--port', String(this.#port), '--dir', this.#dataDir, ...SETTINGS.flatMap((setting) => ['--set', setting])])
  }

  async kill(signal: 'KILL' | 'TERM'): Promise<void> {
    await this.#run(['stop', '--dir', this.#dataDir, '--signal', signal])
  }

  async #run(args: string[]): Promise<void> {
    const child = spawn(this.#script, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    const [status] = (await once(child, 'exit')) as [number | null]
    if (status !== 0) throw new Error(`${this.#script} ${args[0]} ended with ${status}`)
  }
}
