/**
 * The session record, for programs that read it: the value in KV and the claims of the authenticator's JWT. The Workers check
 * the record without this schema (domain/session-shape.ts), and a test compares the two.
 */

import * as z from 'zod/mini'
import { MAX_ENDORSEMENT_LENGTH } from '../domain/category.ts'
import { MAX_SCOPE_LENGTH } from '../domain/scope.ts'
import { described } from './openapi/schemas.ts'

const name = () => z.string().check(z.minLength(1))

const INSTANT =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const instant = (text: string) => described(text, z.string().check(z.regex(INSTANT)))

const Session = z.looseObject({
  session_id: described('A public id: not the token.', name()),
  start_time: instant('ISO 8601, with its offset from UTC.'),
  end_time: instant('When the session ends, unless it is revoked before.'),
  user: described(
    'Null where a client acts for itself.',
    z.nullable(
      z.looseObject({
        user_id: name(),
        username: described(
          'Empty for a signed access token, as email and most of client.',
          z.string(),
        ),
        email: z.string(),
      }),
    ),
  ),
  client: described(
    'Null in the session of a browser.',
    z.nullable(
      z.looseObject({
        client_id: name(),
        owner_id: z.string(),
        name: z.string(),
        url: z.string(),
        description: z.string(),
        redirect_uri: z.string(),
      }),
    ),
  ),
  authorizations: z.looseObject({
    classic: described('0.', z.number()),
    scopes: z.array(z.string().check(z.maxLength(MAX_SCOPE_LENGTH), z.regex(/^[!#-[\]-~]+$/))),
    endorsements: z.array(
      z
        .string()
        .check(
          z.maxLength(MAX_ENDORSEMENT_LENGTH),
          z.regex(/^(\*\.\*|[a-z][a-z-]*(\.(\*|[A-Za-z][A-Za-z-]*))?)$/),
        ),
    ),
  }),
  audience: z.optional(
    described(
      'URIs of the resources that the token is for (RFC 8707). Absent or empty: for none in particular.',
      z.array(name()),
    ),
  ),
  ip_address: described('From where the session was opened, or empty.', z.string()),
  remote_host: described('The same, or its name.', z.string()),
  nonce: z.string(),
  cnf: z.optional(
    described(
      'The key whose proofs the token needs (RFC 9449 §6). Absent for a bearer token.',
      z.looseObject({ jkt: name() }),
    ),
  ),
  as_of: z.optional(instant('When the records that the session rests on were read.')),
  client_as_of: z.optional(
    instant("When the client's record was read, if an earlier request read it."),
  ),
})

const EXAMPLE = {
  session_id: '0b6f3c0e-3d0c-4a53-9d8e-6a4f0d8e1c11',
  start_time: '2026-10-01T12:00:00.000Z',
  end_time: '2026-10-01T14:00:00.000Z',
  user: { user_id: 'q0Xm5Zk2Vs', username: 'ada', email: 'ada@example.org' },
  client: {
    client_id: 'Z5sV2mXkq0',
    owner_id: 'library',
    name: 'Reading list',
    url: 'https://reading.example',
    description: 'Keeps what a user wants to read.',
    redirect_uri: 'https://reading.example/callback',
  },
  authorizations: { classic: 0, scopes: ['submission:read'], endorsements: ['cs.DL'] },
  audience: ['https://files.example'],
  ip_address: '192.0.2.1',
  remote_host: '192.0.2.1',
  nonce: 'q1w2e3r4t5',
  cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' },
  as_of: '2026-10-01T12:00:00.000Z',
  client_as_of: '2026-10-01T11:59:50.000Z',
}

export const sessionSchema = (issuer: string) => ({
  $id: `${issuer}/schemas/session.json`,
  title: 'Session',
  description:
    'The record of an access token or of a browser that is signed in. Further members are to be ignored.',
  ...z.toJSONSchema(Session, { io: 'input' }),
  examples: [EXAMPLE],
})
