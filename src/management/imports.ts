/** `imports`: whole clients of another registry, with their ids, the digests of their secrets and their dates. */

import * as z from 'zod/mini'
import { type Imported, importClients } from '../flows/registration/import-clients.ts'
import { Problem } from '../protocol/problem.ts'
import { CLIENT_IMPORT, importedClientIn } from '../protocol/registration/client-import.ts'
import { checkInput } from './input.ts'
import { described } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { NOTES } from './records.ts'

const MAX_IMPORTED = 200
/** D1 accepts texts of 2 MB, and no statement of an import has a longer one. */
const MAX_BYTES = 2 ** 20

const { $schema: _, ...ROW } = z.toJSONSchema(CLIENT_IMPORT, { io: 'input' })

/** Each row is checked separately, so that an invalid row does not stop the others. The schema only describes a client. */
const Row = z.unknown().check(z.meta({ ...ROW }))

const Imports = z.strictObject({
  clients: z
    .array(Row)
    .check(
      z.minLength(1, '{field} must not be empty'),
      z.maxLength(MAX_IMPORTED, `{field} must not have more than ${MAX_IMPORTED} clients`),
    ),
  dry_run: z._default(
    described('say what the request would do, and write nothing', z.boolean()),
    false,
  ),
})

const Result = z.strictObject({
  client_id: z.nullable(z.string()),
  outcome: z.enum(['created', 'unchanged', 'refused']),
  problem: z.optional(z.strictObject({ field: z.nullable(z.string()), detail: z.string() })),
  ...NOTES,
})
type Result = z.infer<typeof Result>
type ImportedClient = ReturnType<typeof importedClientIn>

const idOf = (row: unknown) => {
  const { client_id: id } = Object(row) as Readonly<{ client_id?: unknown }>
  return typeof id === 'string' ? id.slice(0, 64) : null
}

/** The given client, or the result that says why it is refused. */
function read(row: unknown): ImportedClient | Result {
  try {
    return importedClientIn(
      checkInput(CLIENT_IMPORT, row, 'the client') as z.output<typeof CLIENT_IMPORT>,
    )
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause
    const problem = { field: cause.field, detail: cause.description }
    return { client_id: idOf(row), outcome: 'refused', problem }
  }
}

function resultOf({ clientId }: ImportedClient, imported: Imported): Result {
  const { kind: outcome } = imported
  if (imported.kind === 'refused') {
    const { field, message } = imported.why
    return { client_id: clientId, outcome, problem: { field, detail: message } }
  }
  const { notes } = imported
  return { client_id: clientId, outcome, ...(notes.length > 0 && { notes: [...notes] }) }
}

const EXAMPLE = {
  client_id: '1234',
  name: 'Reading list',
  owner_id: '17',
  auth_method: 'client_secret_post',
  redirect_uris: ['https://reading.example/callback'],
  permissions: [
    {
      kind: 'scope',
      value: 'public:read',
      requested_at: '2018-03-01T12:00:00Z',
      authorized_at: '2018-03-02T09:30:00Z',
    },
  ],
  credentials: [
    {
      secret_digest: 'b3a8e0e1f9ab1bfe3a36f231f676f78bb30a519d2b21e6c530c0eee8ebb4a5d0',
      created_at: '2018-03-01T12:00:00Z',
    },
  ],
  created_at: '2018-03-01T12:00:00Z',
}

export const importOperations = [
  operation({
    method: 'POST',
    path: '/imports',
    name: 'importClients',
    summary: 'Import clients of another registry',
    description:
      'Clients with their ids, dates and the digests of their secrets, which keep working. A client that exists already stays as it is, so the request can be repeated. The new ones are all written, or none. A bad client is refused by itself, with the field.',
    scopes: ['registry:admin'],
    body: Imports,
    bodyExample: { clients: [EXAMPLE], dry_run: true },
    maxBodyBytes: MAX_BYTES,
    responses: {
      200: {
        description: 'What happened to each client, in the order of the request.',
        schema: z.strictObject({ results: z.array(Result) }),
        example: { results: [{ client_id: '1234', outcome: 'created' }] },
      },
    },
    async handle({ act, body: { clients, dry_run } }) {
      const given = clients.map(read)
      const good = given.filter((one): one is ImportedClient => !('outcome' in one))
      const imported = await importClients(act, good, dry_run)
      const results = new Map(good.map((client, index) => [client, imported[index] as Imported]))
      return {
        body: {
          results: given.map((one) =>
            'outcome' in one ? one : resultOf(one, results.get(one) as Imported),
          ),
        },
      }
    },
  }),
]
