/** One operation in the reference: its input, its output, and who may call it. */

import type { OpenApiDocument } from '../openapi/document.ts'
import type { Components, JsonSchema } from '../openapi/schemas.ts'
import { formsOf, type Member, ruleWords, typeWords } from './words.ts'

type Content = Readonly<{ mediaType: string; schema: JsonSchema; example?: unknown }>
type Body = Readonly<{
  content?: Readonly<Record<string, Readonly<{ schema: JsonSchema; example?: unknown }>>>
}>
type Parameter = Readonly<{
  name: string
  in: string
  required?: boolean
  description?: string
  schema: JsonSchema
}>

export type DocumentedOperation = Readonly<{
  path: string
  method: string
  operationId: string
  tags: readonly string[]
  summary: string
  description?: string
  security: readonly Readonly<Record<string, readonly string[]>>[]
  parameters?: readonly Parameter[]
  requestBody?: Body
  responses: Readonly<Record<string, Body & Readonly<{ description?: string }>>>
}>

export const operationsIn = ({ paths }: OpenApiDocument): DocumentedOperation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => ({ ...operation, path, method }) as unknown as DocumentedOperation,
    ),
  )

function contentOf({ content = {} }: Body = {}): Content | null {
  const [first] = Object.entries(content)
  return first ? { mediaType: first[0], ...first[1] } : null
}

const Rules = (p: { rules: readonly string[] }) =>
  p.rules.length === 0 ? null : <p class="small muted">{p.rules.join('; ')}</p>

const Members = (p: { caption: string; members: readonly Member[] }) =>
  p.members.length === 0 ? null : (
    <table>
      <caption>{p.caption}</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {p.members.map(({ name, type, presence, description, rules }) => (
          <tr>
            <th scope="row">
              <code>{name}</code>
              {presence !== null && <span class="small muted"> {presence}</span>}
            </th>
            <td>{type}</td>
            <td>
              {description}
              <Rules rules={rules} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )

const Example = (p: { label: string; content: Content | null }) =>
  p.content?.example === undefined ? null : (
    <details>
      <summary>{p.label}</summary>
      <pre tabindex={0}>{JSON.stringify(p.content.example, null, 2)}</pre>
    </details>
  )

const Response = (p: { status: string; content: Content | null; components: Components }) => {
  const forms = p.content ? formsOf(p.content.schema, p.components, false) : []
  return forms.length === 0 ? null : (
    <details>
      <summary>Members of the response</summary>
      {forms.map(({ members }) => (
        <Members caption={p.status} members={members} />
      ))}
    </details>
  )
}

const parametersOf = ({ parameters = [] }: DocumentedOperation): Member[] =>
  parameters.map(({ name, in: where, required = false, description = '', schema }) => ({
    name,
    type: `${typeWords(schema)}, in the ${where}`,
    presence: required ? 'required' : null,
    description,
    rules: ruleWords(schema),
  }))

export const OperationSection = (p: { operation: DocumentedOperation; components: Components }) => {
  const { operationId, method, path, summary, description, security, responses } = p.operation
  const scopes = [...new Set(security.flatMap((one) => Object.values(one).flat()))]
  const body = contentOf(p.operation.requestBody)
  const isRefusal = (status: string) => Number(status) >= 400
  const refusals = Object.keys(responses).filter(isRefusal)
  return (
    <section class="operation">
      <h3 id={operationId}>{summary}</h3>
      <p>
        <code class="request">
          {method.toUpperCase()} {path}
        </code>
      </p>
      {description !== undefined && <p>{description}</p>}
      {scopes.length > 0 && (
        <p class="small">
          Scope: <code>{scopes.join(' or ')}</code>
        </p>
      )}
      <Members caption="Parameters" members={parametersOf(p.operation)} />
      {body &&
        formsOf(body.schema, p.components, true).map(({ name, members }) => (
          <Members caption={name ?? `Body, ${body.mediaType}`} members={members} />
        ))}
      <Example label="Example of a body" content={body} />
      {Object.entries(responses)
        .filter(([status]) => !isRefusal(status))
        .map(([status, response]) => (
          <>
            <p>
              <strong>{status}</strong> {response.description}
            </p>
            <Response status={status} content={contentOf(response)} components={p.components} />
            <Example label="Example of a response" content={contentOf(response)} />
          </>
        ))}
      {refusals.length > 0 && <p class="small muted">Errors: {refusals.join(', ')}</p>}
    </section>
  )
}
