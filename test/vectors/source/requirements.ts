/** Credentials, scopes, endorsements and audiences. */

import {
  allowed,
  type Described,
  EXPIRES_AT,
  FILES,
  inBothForms,
  MAIL,
  nothingWritten,
  opaqueTokenOf,
  plain,
  READ,
  refused,
  signedTokenOf,
} from './tokens.ts'
import type { Required } from './vector.ts'

export async function credentials() {
  const written = nothingWritten()
  const unknown = opaqueTokenOf('unknown')
  plain(written, 'a request without a credential', {}, refused(null))
  for (const [title, Authorization] of [
    ['an empty header', ''],
    ['another scheme', 'Basic Y2xpZW50OnNlY3JldA=='],
    ['a scheme without a token', 'Bearer'],
    ['a scheme that only begins like Bearer', `Bearers ${unknown}`],
    ['a token without a scheme', unknown],
    ['two tokens', `Bearer ${unknown} ${unknown}`],
    ['two headers, which arrive as one value', `Bearer ${unknown}, Bearer ${unknown}`],
    ['a token that is unknown', `Bearer ${unknown}`],
    ['a token with a wrong checksum', `Bearer ${unknown.slice(0, -1)}_`],
    ['a token of another kind: a refresh token', `Bearer regr_${unknown.slice(4)}`],
    ['no token of the registry', 'Bearer mF_9.B5f-4.1JqM'],
  ] as const) {
    plain(written, title, { Authorization }, refused('invalid_token'))
  }
  const client = { user: null }
  await inBothForms(written, { title: 'a good token', answer: allowed() })
  await inBothForms(written, {
    title: "a client's own token",
    token: client,
    answer: allowed(client),
  })
  await inBothForms(written, {
    title: 'the scheme in lower case',
    headers: (token) => ({ Authorization: `bearer ${token}` }),
    answer: allowed(),
  })
  await inBothForms(written, {
    title: 'more than one space after the scheme',
    headers: (token) => ({ Authorization: `Bearer   ${token}` }),
    answer: allowed(),
  })
  await inBothForms(written, {
    title: 'a token in the last second of its life',
    token: { user: 'user-2' },
    now: EXPIRES_AT - 1,
    answer: allowed({ user: 'user-2' }),
  })
  await inBothForms(written, {
    title: 'a token at its expiry',
    token: { user: 'user-3' },
    now: EXPIRES_AT,
    answer: refused('invalid_token'),
  })
  await inBothForms(written, {
    title: 'a token in the query and not in the header',
    token: { user: 'user-4' },
    url: `${FILES}/reports/7?access_token=${await signedTokenOf({ user: 'user-4' })}`,
    headers: () => ({}),
    answer: refused(null),
  })
  return written
}

export async function scopes() {
  const written = nothingWritten()
  const cases: readonly [held: string[], needed: string[], status: 200 | 403][] = [
    [['files:read'], ['files:read'], 200],
    [['files:read'], ['files:write'], 403],
    [['files:read'], ['files:read:7'], 403],
    [['files:read:7'], ['files:read:7'], 200],
    [['files:read:7'], ['files:read:8'], 403],
    [['files:read:7'], ['files:read'], 403],
    [['files:read:*'], ['files:read:7'], 200],
    [['files:read:*'], ['files:read'], 200],
    [['files:read:*'], ['files:readers'], 403],
    [['files:read', 'files:write'], ['files:read', 'files:write'], 200],
    [['files:read'], ['files:read', 'files:write'], 403],
    [['files:write'], ['files:read', 'files:write'], 403],
    [['files:read:*', 'files:write'], ['files:read', 'files:write'], 200],
    [['files:*'], ['files:read'], 403],
    [['*'], ['files:read'], 403],
    [['FILES:READ'], ['files:read'], 403],
    [['https://files.example/read'], ['https://files.example/read'], 200],
    [['https://files.example/*'], ['https://files.example/read'], 403],
    [['read.all'], ['read.all'], 200],
    [['read.all'], ['read'], 403],
    [[], ['files:read'], 403],
    [[], [], 200],
  ]
  for (const [held, needed, status] of cases) {
    const token: Described = { scopes: held }
    const required: Required = { scopes: needed, audience: FILES }
    await inBothForms(written, {
      title: `a token with [${held.join(' ')}] where [${needed.join(' ')}] is needed`,
      ...{ token, required },
      answer: status === 200 ? allowed(token) : refused('insufficient_scope', required),
    })
  }
  const resources: readonly [held: string[], resource: string, status: 200 | 403][] = [
    [['files:read:7'], '7', 200],
    [['files:read:7'], '8', 403],
    [['files:read:*'], '8', 200],
    [['files:read'], '7', 403],
    [['files:write:7'], '7', 403],
  ]
  for (const [held, resource, status] of resources) {
    const token: Described = { scopes: held }
    const required: Required = { scopes: ['files:read'], audience: FILES, resource }
    await inBothForms(written, {
      title: `a token with [${held.join(' ')}] for the resource ${resource}`,
      ...{ token, required },
      answer: status === 200 ? allowed(token) : refused('insufficient_scope', required),
    })
  }
  return written
}

export async function endorsements() {
  const written = nothingWritten()
  const cases: readonly [held: string[], category: string, status: 200 | 403][] = [
    [['cs.DL'], 'cs.DL', 200],
    [['cs.DL'], 'cs.AI', 403],
    [['cs.*'], 'cs.DL', 200],
    [['cs.*'], 'csx.DL', 403],
    [['hep-th.*'], 'hep-th', 200],
    [['*.*'], 'math.AG', 200],
    [['math.AG', 'cs.*'], 'cs.DL', 200],
    [[], 'cs.DL', 403],
  ]
  for (const [held, category, status] of cases) {
    const token: Described = { endorsements: held }
    const required: Required = { ...READ, category }
    await inBothForms(written, {
      title: `a token with the endorsements [${held.join(' ')}] for the category ${category}`,
      ...{ token, required },
      answer: status === 200 ? allowed(token) : refused('insufficient_scope', required),
    })
  }
  return written
}

export async function audiences() {
  const written = nothingWritten()
  const cases: readonly [audience: string[], asked: string, status: 200 | 401][] = [
    [[FILES], FILES, 200],
    [[FILES], `${FILES}/`, 200],
    [[FILES], 'HTTPS://Files.Example:443', 200],
    [[FILES, MAIL], MAIL, 200],
    [[MAIL], FILES, 401],
    [[MAIL], 'https://mail.example', 401],
    [[MAIL], `${MAIL}/`, 401],
    [[FILES], 'http://files.example', 401],
    [[FILES], 'https://files.example.evil.example', 401],
    [[], FILES, 401],
  ]
  for (const [audience, asked, status] of cases) {
    const token: Described = { audience }
    const required: Required = { scopes: ['files:read'], audience: asked }
    await inBothForms(written, {
      title: `a token for [${audience.join(' ')}] at ${asked}`,
      ...{ token, required },
      answer: status === 200 ? allowed(token) : refused('invalid_token', required),
    })
  }
  for (const audience of [[FILES], []]) {
    const token: Described = { audience }
    await inBothForms(written, {
      title: `a token for [${audience.join(' ')}] where no audience is asked for`,
      token,
      required: { scopes: ['files:read'] },
      answer: allowed(token),
    })
  }
  return written
}
