/** `/docs`: the reference, made from the OpenAPI document. Needs no script. */

import type { Branding } from '../../domain/branding.ts'
import { Layout } from '../../pages/layout.tsx'
import { PROBLEM_TYPES, PROBLEMS } from '../../protocol/problem.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { Components } from '../openapi/schemas.ts'
import { OperationSection } from './operation.tsx'
import { type DocumentedOperation, operationsIn } from './operation-view.ts'
import { REMEDIES } from './remedies.ts'

export const REFERENCE_STYLE_PATH = '/docs/style.css'

const Start = (p: { issuer: string }) => (
  <section>
    <h2 id="start">Start</h2>
    <p>Obtain a token with the credentials of a client that holds a scope of the registry:</p>
    <pre tabindex={0}>
      {`TOKEN=$(curl -s ${p.issuer}/token -u "$CLIENT_ID:$CLIENT_SECRET" \\
  -d grant_type=client_credentials -d scope=registry:admin | jq -r .access_token)
curl -s ${p.issuer}/admin/v1/clients -H "Authorization: Bearer $TOKEN"`}
    </pre>
    <p>
      For programs: <a href="/openapi.json">OpenAPI 3.1</a>, and the{' '}
      <a href="/schemas/session.json">JSON Schema of a session</a>.
    </p>
  </section>
)

const Contents = (p: { groups: readonly Group[] }) => (
  <nav aria-label="Contents">
    <ul class="contents">
      {p.groups.map(({ name, operations }) => (
        <li>
          <a href={`#${name}`}>{name}</a>
          <ul>
            {operations.map(({ id, summary }) => (
              <li>
                <a href={`#${id}`}>{summary}</a>
              </li>
            ))}
          </ul>
        </li>
      ))}
      <li>
        <a href="#problems">Problems</a>
      </li>
    </ul>
  </nav>
)

type Group = Readonly<{
  name: string
  description: string
  operations: readonly DocumentedOperation[]
}>

const GroupSection = (p: { group: Group; components: Components }) => (
  <section>
    <h2 id={p.group.name}>{p.group.name}</h2>
    <p class="lead">{p.group.description}</p>
    {p.group.operations.map((operation) => (
      <OperationSection operation={operation} components={p.components} />
    ))}
  </section>
)

const Problems = () => (
  <section>
    <h2 id="problems">Problems</h2>
    <p class="lead">
      An error is a problem (RFC 9457). Its type is an address of this page. With its correlation_id
      an operator finds the cause for one day.
    </p>
    <dl>
      {PROBLEM_TYPES.map((type) => (
        <>
          <dt id={type}>
            <code>{type}</code> {PROBLEMS[type].status}
          </dt>
          <dd>
            {PROBLEMS[type].title}. {REMEDIES[type]}
          </dd>
        </>
      ))}
    </dl>
  </section>
)

export const ReferencePage = (p: {
  branding: Branding
  issuer: string
  document: OpenApiDocument
}) => {
  const { tags, components } = p.document
  const all = operationsIn(p.document)
  const groups = tags.map(({ name, description }) => ({
    name,
    description,
    operations: all.filter(({ tag }) => tag === name),
  }))
  return (
    <Layout branding={p.branding} title="API reference">
      <link rel="stylesheet" href={REFERENCE_STYLE_PATH} />
      <h1>API reference</h1>
      <p class="lead">
        The management API of this registry, for programs and for <code>npm run admin</code>, and
        the endpoints of OAuth 2.0.
      </p>
      <Start issuer={p.issuer} />
      <Contents groups={groups} />
      {groups.map((group) => (
        <GroupSection group={group} components={components.schemas} />
      ))}
      <Problems />
    </Layout>
  )
}
