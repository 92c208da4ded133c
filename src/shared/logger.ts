// Plain log lines for people: time, level, the part that speaks, a sentence, then fields as key=value.
// Every part has a named logger; a level set for one name holds for it alone, all others follow the root's level.

import { errorMessage } from './errors.ts'

export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export const ROOT_LOGGER = 'root'

export type LoggingOptions = { level: LogLevel; write: (line: string) => void; nowMs: () => number }

/** All loggers of one broker. */
export class Logging {
  readonly #levels = new Map<string, LogLevel>()
  readonly #loggers = new Map<string, NamedLogger>()
  readonly #options: LoggingOptions

  constructor(options: Partial<LoggingOptions> = {}) {
    this.#options = { level: 'INFO', write: (line) => process.stdout.write(line), nowMs: Date.now, ...options }
    this.#levels.set(ROOT_LOGGER, this.#options.level)
  }

  logger(name: string): Logger {
    let logger = this.#loggers.get(name)
    if (logger === undefined) {
      logger = new NamedLogger(name, this.#options)
      logger.setLevel(this.level(name))
      this.#loggers.set(name, logger)
    }
    return logger
  }

  has(name: string): boolean {
    return name === ROOT_LOGGER || this.#loggers.has(name)
  }

  level(name: string): LogLevel {
    return this.#levels.get(name) ?? this.#levels.get(ROOT_LOGGER) ?? this.#options.level
  }

  /** Sets the level of one logger; null gives it back to the root, and the root back to what the broker started with. */
  setLevel(name: string, level: LogLevel | null): void {
    if (level !== null) this.#levels.set(name, level)
    else if (name === ROOT_LOGGER) this.#levels.set(ROOT_LOGGER, this.#options.level)
    else this.#levels.delete(name)
    for (const [each, logger] of this.#loggers) logger.setLevel(this.level(each))
  }

  /** Every logger's level, the root first. */
  levels(): Map<string, LogLevel> {
    return new Map([ROOT_LOGGER, ...[...this.#loggers.keys()].sort()].map((name) => [name, this.level(name)]))
  }
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

class NamedLogger implements Logger {
  readonly #name: string
  readonly #options: LoggingOptions
  #threshold = 0

  constructor(name: string, options: LoggingOptions) {
    this.#name = name
    this.#options = options
  }

  setLevel(level: LogLevel): void {
    this.#threshold = LOG_LEVELS.indexOf(level)
  }

  debug(message: string, fields?: LogFields): void {
    this.#log(1, message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#log(2, message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#log(3, message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#log(4, message, fields)
  }

  #log(level: number, message: string, fields: LogFields | undefined): void {
    if (level < this.#threshold) return
    const time = new Date(this.#options.nowMs()).toISOString()
    let line = `${time} ${(LOG_LEVELS[level] ?? '').padEnd(5)} [${this.#name}] ${message}`
    for (const [key, value] of Object.entries(fields ?? {})) line += ` ${key}=${formatField(value)}`
    this.#options.write(`${line}\n`)
  }
}

/** Quoted where it would not read as one word; control characters never reach the terminal. */
function formatField(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(errorMessage(value))
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value, bigintAsText) : String(value)
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : JSON.stringify(text)
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
