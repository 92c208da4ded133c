import { spawn } from 'node:child_process'

/** What a program prints, shown as it comes where that is asked for, and how it ended. */
export function output(command: string, args: readonly string[], isShown: boolean): Promise<{ status: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (isShown) process.stdout.write(chunk)
    })
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, text }))
  })
}
