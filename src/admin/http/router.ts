// From a method and a URL to an answer: finds the route, checks what came against its schemas, runs it.

import type { TObject, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { AdminContext } from '../context.ts'
import { HttpError, problemOf } from './problems.ts'
import type { Route } from './route.ts'

export type HttpAnswer = { readonly status: number; readonly contentType: string; readonly body: string | null }

const JSON_TYPE = 'application/json; charset=utf-8'
const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

type Compiled = { readonly route: Route; readonly segments: readonly string[] }

export class Router {
  readonly #routes: readonly Compiled[]
  readonly #context: AdminContext

  constructor(routes: readonly Route[], context: AdminContext) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/').slice(1) }))
    this.#context = context
  }

  /** Never rejects: what fails is told as a problem. */
  async answer(method: string, path: string, query: string, body: string): Promise<HttpAnswer> {
    try {
      const found = this.#find(method, path)
      if (found === undefined) throw this.#notFound(method, path)
      const { route } = found.compiled
      const texts = new Map([...found.params].map(([name, text]) => [name, decode(text)]))
      const params = checked('path', route.params, coerced(route.params, texts))
      const queries = checked('query', route.query, coerced(route.query, new URLSearchParams(query)))
      const content = route.body === null ? undefined : checked('body', route.body, parseJson(body))
      const result = await route.answer(this.#context, { params, query: queries, body: content })
      if (route.response === null) return { status: route.status, contentType: JSON_TYPE, body: null }
      if (typeof route.response === 'string') return { status: route.status, contentType: route.response, body: String(result) }
      return { status: route.status, contentType: JSON_TYPE, body: JSON.stringify(result) }
    } catch (error) {
      const problem = problemOf(error)
      if (problem.status === 500) this.#context.logger.error('an admin request failed unexpectedly', { method, path, error: error instanceof Error ? error.stack : error })
      return { status: problem.status, contentType: PROBLEM_TYPE, body: JSON.stringify(problem) }
    }
  }

  #find(method: string, path: string): { compiled: Compiled; params: Map<string, string> } | undefined {
    const parts = path.split('/').slice(1)
    for (const compiled of this.#routes) {
      if (compiled.route.method !== method) continue
      const params = match(compiled.segments, parts)
      if (params !== undefined) return { compiled, params }
    }
    return undefined
  }

  #notFound(method: string, path: string): HttpError {
    const parts = path.split('/').slice(1)
    const methods = this.#routes.filter(({ segments }) => match(segments, parts) !== undefined).map(({ route }) => route.method)
    if (methods.length > 0) return new HttpError(405, `${path} takes ${[...new Set(methods)].join(', ')}, not ${method}.`)
    return new HttpError(404, `There is no ${path} here; /openapi.json describes what there is.`, 'RESOURCE_NOT_FOUND')
  }
}

/** The parameters as they stand in the URL, or undefined where the path is another one. */
function match(segments: readonly string[], parts: readonly string[]): Map<string, string> | undefined {
  if (segments.length !== parts.length) return undefined
  const params = new Map<string, string>()
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? ''
    if (segment.startsWith('{')) params.set(segment.slice(1, -1), part)
    else if (segment !== part) return undefined
  }
  return params
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new HttpError(400, `"${text}" is not a valid part of a URL.`)
  }
}

/** Texts of a URL as the types that the schema names; what does not fit stays text, for the check to name. */
function coerced(schema: TObject, texts: ReadonlyMap<string, string> | URLSearchParams): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, text] of texts) {
    const type = (schema.properties[name] as { type?: string } | undefined)?.type
    const isNumber = (type === 'integer' || type === 'number') && /^-?\d+$/.test(text)
    values[name] = isNumber ? Number(text) : type === 'boolean' && (text === 'true' || text === 'false') ? text === 'true' : text
  }
  return values
}

function checked(where: string, schema: TSchema, value: unknown): unknown {
  const filled = Value.Default(schema, value)
  const first = Value.Errors(schema, filled).First()
  if (first !== undefined) throw new HttpError(400, `${where}${first.path}: ${first.message}`)
  return filled
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'The body is not valid JSON.')
  }
}
