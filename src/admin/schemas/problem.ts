import { Type, type Static } from '@sinclair/typebox'

/** An error as application/problem+json (RFC 9457). */
export const Problem = Type.Object({
  type: Type.String({ description: 'Always about:blank: the error name says more than a link would.' }),
  title: Type.String({ description: 'The meaning of the HTTP status.' }),
  status: Type.Integer({ description: 'The HTTP status.' }),
  detail: Type.String({ description: 'What went wrong with this request.' }),
  error: Type.String({ description: "Kafka's name of the error, such as UNKNOWN_TOPIC_OR_PARTITION." }),
}, { $id: 'Problem' })
export type Problem = Static<typeof Problem>
