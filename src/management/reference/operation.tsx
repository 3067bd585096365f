/** One operation in the reference: what it takes, what it returns, who may. */

import type { Components } from '../openapi/schemas.ts'
import type { Content, DocumentedOperation } from './operation-view.ts'
import { formsOf, type Member, ruleWords, typeWords } from './words.ts'

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

const parametersOf = ({ parameters }: DocumentedOperation): Member[] =>
  parameters.map(({ name, in: where, required = false, description = '', schema }) => ({
    name,
    type: `${typeWords(schema)}, in the ${where}`,
    presence: required ? 'required' : null,
    description,
    rules: ruleWords(schema),
  }))

export const OperationSection = (p: { operation: DocumentedOperation; components: Components }) => {
  const { id, method, path, summary, description, scopes, body, answers, refusals } = p.operation
  return (
    <section class="operation">
      <h3 id={id}>{summary}</h3>
      <p>
        <code class="request">
          {method} {path}
        </code>
      </p>
      {description !== null && <p>{description}</p>}
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
      {answers.map(({ status, description: meaning, content }) => (
        <>
          <p>
            <strong>{status}</strong> {meaning}
          </p>
          <Response status={status} content={content} components={p.components} />
          <Example label="Example of a response" content={content} />
        </>
      ))}
      {refusals.length > 0 && <p class="small muted">Errors: {refusals.join(', ')}</p>}
    </section>
  )
}
