/** The operations of the OpenAPI document as the reference shows them. */

import type { OpenApiDocument } from '../openapi/document.ts'
import type { JsonSchema } from '../openapi/schemas.ts'

type Media = Readonly<Record<string, Readonly<{ schema: JsonSchema; example?: unknown }>>>
type Body = Readonly<{ content?: Media }>
type Parameter = Readonly<{
  name: string
  in: string
  required?: boolean
  description?: string
  schema: JsonSchema
}>
type OperationObject = Readonly<{
  operationId: string
  tags: readonly string[]
  summary: string
  description?: string
  security: readonly Readonly<Record<string, readonly string[]>>[]
  parameters?: readonly Parameter[]
  requestBody?: Body
  responses: Readonly<Record<string, Body & Readonly<{ description?: string; $ref?: string }>>>
}>

export type Content = Readonly<{ mediaType: string; schema: JsonSchema; example: unknown }>
export type DocumentedOperation = Readonly<{
  id: string
  tag: string
  method: string
  path: string
  summary: string
  description: string | null
  /** Any of them suffices. */
  scopes: readonly string[]
  parameters: readonly Parameter[]
  body: Content | null
  answers: readonly Readonly<{ status: string; description: string; content: Content | null }>[]
  refusals: readonly string[]
}>

function contentOf(body: Body | undefined): Content | null {
  const [first] = Object.entries(body?.content ?? {})
  if (!first) return null
  const [mediaType, { schema, example }] = first
  return { mediaType, schema, example }
}

function view(path: string, method: string, object: OperationObject): DocumentedOperation {
  const responses = Object.entries(object.responses)
  const isRefusal = (status: string) => Number(status) >= 400
  return {
    id: object.operationId,
    tag: object.tags[0] ?? '',
    method: method.toUpperCase(),
    path,
    summary: object.summary,
    description: object.description ?? null,
    scopes: [...new Set(object.security.flatMap((one) => Object.values(one).flat()))],
    parameters: object.parameters ?? [],
    body: contentOf(object.requestBody),
    answers: responses
      .filter(([status]) => !isRefusal(status))
      .map(([status, response]) => ({
        status,
        description: response.description ?? '',
        content: contentOf(response),
      })),
    refusals: responses.map(([status]) => status).filter(isRefusal),
  }
}

export const operationsIn = ({ paths }: OpenApiDocument): DocumentedOperation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, object]) =>
      view(path, method, object as unknown as OperationObject),
    ),
  )
