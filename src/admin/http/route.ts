// A resource of the API as data: what it is, what it takes, what it gives, and who answers. Validation, the OpenAPI
// document and the types of the client all come from here.

import { Type } from '@sinclair/typebox'
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { AdminContext } from '../context.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type RouteRequest<P extends TObject, Q extends TObject, B extends TSchema> = {
  readonly params: Static<P>
  readonly query: Static<Q>
  readonly body: Static<B>
}

export type Route = {
  readonly method: Method
  /** With parameters in braces: /topics/{topic}. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly params: TObject
  readonly query: TObject
  readonly body: TSchema | null
  /** Null for an answer without content, a text for one that is not JSON. */
  readonly response: TSchema | string | null
  readonly status: number
  answer(context: AdminContext, request: { params: unknown; query: unknown; body: unknown }): Promise<unknown>
}

type Definition<P extends TObject, Q extends TObject, B extends TSchema, R> = Omit<Route, 'params' | 'query' | 'body' | 'status' | 'answer'> & {
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly status?: number
  answer(context: AdminContext, request: RouteRequest<P, Q, B>): Promise<R>
}

const NOTHING = Type.Object({}, { additionalProperties: false })

/** A route whose handler gets what its schemas say. */
export function route<P extends TObject, Q extends TObject, B extends TSchema, R>(definition: Definition<P, Q, B, R>): Route {
  return {
    ...definition,
    params: definition.params ?? NOTHING,
    query: definition.query ?? NOTHING,
    body: definition.body ?? null,
    status: definition.status ?? (definition.response === null ? 204 : 200),
    answer: (context, request) => definition.answer(context, request as RouteRequest<P, Q, B>),
  }
}
