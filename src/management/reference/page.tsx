/** `/docs`: the reference, which is made from the OpenAPI document. The page needs no script. */

import type { Branding } from '../../domain/branding.ts'
import { Layout } from '../../pages/layout.tsx'
import { PROBLEM_TYPES, PROBLEMS, type ProblemType } from '../../protocol/problem.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { Components } from '../openapi/schemas.ts'
import { type DocumentedOperation, OperationSection, operationsIn } from './operation.tsx'

/** What a caller can do about each type of problem. */
const REMEDIES: Readonly<Record<ProblemType, string>> = {
  invalid_request: 'Correct what detail says; field names the member, the parameter or the header.',
  authentication_required: 'Send an access token of this registry in the header Authorization.',
  invalid_token:
    'Obtain another access token: this one has expired, was revoked, is unknown, or is bound to a key and came without the scheme DPoP.',
  invalid_dpop_proof:
    'Make a new proof for each request: with its method, its address without the query, the time, its own jti, and ath of the token (RFC 9449 §4.2).',
  insufficient_scope:
    'Obtain a token with the scope that WWW-Authenticate names. The client, and the user if there is one, must hold it.',
  forbidden:
    'Use a token with registry:admin. What gives a scope that begins with registry:, or changes a client or a user with one, needs it.',
  not_found: 'Check the id. A record that was deleted is only in the audit.',
  no_such_path: 'Check the path: this page lists every path.',
  method_not_allowed: 'Use a method that the header Allow names.',
  timeout: 'Send the request again. Nothing was changed.',
  conflict:
    'Read the record that is there, and decide: choose another id, or change the record with PATCH.',
  stale: 'Read the record again, decide on what you read, and send the change with the new ETag.',
  too_large: 'Send less at once.',
  unsupported_media_type: 'Send JSON in UTF-8 with Content-Type: application/json.',
  precondition_required:
    'Send If-Match with the ETag of the record as you read it, or * if any version will do.',
  too_many_requests: 'Wait. Retry-After says for how many seconds.',
  unavailable:
    'Send a GET again. After a failed change, read the record first: the change may have been made.',
}

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
            {operations.map(({ operationId: id, summary }) => (
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
    operations: all.filter(({ tags: [tag] }) => tag === name),
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
