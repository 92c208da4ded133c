// The description of the API, made from the routes themselves when it is first asked for.

import type { TObject, TSchema } from '@sinclair/typebox'
import type { Route } from '../http/route.ts'
import { route } from '../http/route.ts'
import { Problem } from '../schemas/problem.ts'
import { Type } from '@sinclair/typebox'

export function openApiRoute(routes: () => readonly Route[]): Route {
  let document: unknown
  return route({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'describeApi',
    summary: 'This description.',
    response: Type.Unknown(),
    answer: async ({ version }) => (document ??= openApiDocument(routes(), version)),
  })
}

/** OpenAPI 3.1; schemas with an id of their own become components. */
export function openApiDocument(routes: readonly Route[], version: string): unknown {
  const schemas: Record<string, unknown> = {}
  const reference = (schema: TSchema): unknown => lift(schema, schemas)
  const problem = { description: 'Why not', content: { 'application/problem+json': { schema: reference(Problem) } } }
  const paths: Record<string, Record<string, unknown>> = {}
  for (const each of routes) {
    const operations = (paths[each.path] ??= {})
    operations[each.method.toLowerCase()] = {
      operationId: each.operationId,
      summary: each.summary,
      parameters: [...parameters('path', each.params, reference), ...parameters('query', each.query, reference)],
      ...(each.body === null ? {} : { requestBody: { required: true, content: { 'application/json': { schema: reference(each.body) } } } }),
      responses: { [each.status]: success(each, reference), default: problem },
    }
  }
  return { openapi: '3.1.0', info: { title: 'Millrace admin API', version, description: 'Administers a Millrace broker and its cluster.' }, paths, components: { schemas } }
}

function success({ response }: Route, reference: (schema: TSchema) => unknown): unknown {
  if (response === null) return { description: 'Done' }
  if (typeof response === 'string') return { description: 'Text', content: { [response.replace(/;.*$/, '')]: { schema: { type: 'string' } } } }
  return { description: 'Done', content: { 'application/json': { schema: reference(response) } } }
}

function parameters(where: 'path' | 'query', schema: TObject, reference: (schema: TSchema) => unknown): unknown[] {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (required.has(name) && property.default === undefined),
    ...(property.description === undefined ? {} : { description: property.description }),
    schema: reference(property),
  }))
}

/** Moves schemas that have an id into `schemas`, and puts references in their place. */
function lift(schema: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((each) => lift(each, schemas))
  if (typeof schema !== 'object' || schema === null) return schema
  const { $id, ...rest } = schema as Record<string, unknown>
  const lifted = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, lift(value, schemas)]))
  if (typeof $id !== 'string') return lifted
  schemas[$id] = lifted
  return { $ref: `#/components/schemas/${$id}` }
}
