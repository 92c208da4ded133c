// Which topics `--topic` means where Kafka's tools take a regular expression.

import { UsageError } from '../command.ts'

/** Matches whole names; commas separate alternatives. Throws UsageError. */
export function topicPattern(text: string): RegExp {
  const alternatives = text.split(',').map(part => part.trim()).filter(part => part !== '')
  try {
    return new RegExp(`^(?:${alternatives.join('|')})$`, 'u')
  } catch (cause) {
    throw new UsageError(`--topic: "${text}" is not a regular expression: ${(cause as Error).message}`)
  }
}
