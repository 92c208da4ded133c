// What a broker's process does about an error that nobody caught. Only `millrace serve` has this: a program that embeds a
// broker decides for itself.

import type { Logger } from '../../shared/logger.ts'

type Events = Pick<NodeJS.EventEmitter, 'on' | 'off'>

/**
 * Logs every such error. A rejected promise has ended what it was part of and interrupted nothing else, so the broker goes
 * on. An exception has left some callback half-way, and what it was changing cannot be relied on: the broker is to stop in
 * order and be started again. Returns the signal for that, with the error as its reason, and what ends the watch.
 */
export function guardProcess(process: Events, logger: Logger): { readonly broken: AbortSignal; release(): void } {
  const broken = new AbortController()
  const onRejection = (reason: unknown): void => logger.error('a promise was rejected and nobody was told; the broker goes on', { error: stackOf(reason) })
  const onException = (error: unknown): void => {
    logger.error('an exception was not caught; the broker stops', { error: stackOf(error) })
    broken.abort(error)
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  return {
    broken: broken.signal,
    release() {
      process.off('unhandledRejection', onRejection)
      process.off('uncaughtException', onException)
    },
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
