// Java's properties syntax, as `server.properties` is written: comments, `=`, `:` or white space between key and
// value, lines continued with a backslash, and escapes.

/** Every entry in the order of the file; a key that comes twice has its last value, as in Java. */
export function parseProperties(text: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const { key, value } = splitEntry(line)
    entries.set(unescape(key), unescape(value))
  }
  return entries
}

/** Lines without comments and blank lines, with continuations joined and leading white space gone. */
function logicalLines(text: string): string[] {
  const lines: string[] = []
  let pending: string | undefined
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (pending === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const whole: string = (pending ?? '') + line
    if (endsWithContinuation(line)) pending = whole.slice(0, -1)
    else {
      lines.push(whole)
      pending = undefined
    }
  }
  if (pending !== undefined && pending !== '') lines.push(pending)
  return lines
}

function endsWithContinuation(line: string): boolean {
  const backslashes = /\\*$/.exec(line)?.[0].length ?? 0
  return backslashes % 2 === 1
}

function splitEntry(line: string): { key: string; value: string } {
  let end = 0
  while (end < line.length && !/[=: \t\f]/.test(line.charAt(end))) end += line.charAt(end) === '\\' ? 2 : 1
  const rest = line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { key: line.slice(0, end), value: rest }
}

function unescape(text: string): string {
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|[^]|$)/g, (_, escape: string) => {
    if (escape.length === 5) return String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return { t: '\t', n: '\n', r: '\r', f: '\f' }[escape] ?? escape
  })
}
