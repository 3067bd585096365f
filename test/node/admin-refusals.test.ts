/** The refusals of the command line: one line on standard error, the exit status, and nothing written. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintToken, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'
import { AUTH_METHODS, GRANT_TYPES } from '../../src/domain/client.ts'
import { commandLine, type ServedState, servedState } from './command-line.ts'

const CREATE = ['client', 'create', '--name', 'N', '--owner', 'u']
const CREATE_USER = ['user', 'create', '--username', 'eve', '--email', 'eve@example.org']

let state: ServedState
let secretClient = ''
let publicClient = ''
beforeAll(async () => {
  state = await servedState()
  const open = [...CREATE, '--auth-method', 'none', '--redirect-uri', 'com.example.app:/cb']
  secretClient = (await state.json<{ client_id: string }>(CREATE)).client_id
  publicClient = (await state.json<{ client_id: string }>(open)).client_id
  await state.json([
    ...['user', 'create', '--username', 'taken', '--email', 'taken@example.org'],
    ...['--password', 'a long password'],
  ])
})
afterAll(() => state.close())

/** The ids are known only when the tests run. */
const filled = (words: readonly string[]) =>
  words.map((word) =>
    word.replace('SECRET-CLIENT', secretClient).replace('PUBLIC-CLIENT', publicClient),
  )

type Refusal = { words: readonly string[]; line: string; stdin?: string }

async function expectRefused({ words, line, stdin }: Refusal, status: number) {
  const before = await state.dump()
  const answer = await state.admin(filled(words), stdin)
  expect(answer).toEqual({ status, stdout: '', stderr: `error: ${filled([line])[0]}\n` })
  expect(await state.dump()).toEqual(before)
}

const redirect = (uri: string, problem: string, ...more: string[]): Refusal => ({
  words: [...CREATE, '--redirect-uri', uri, ...more],
  line: `redirect URI ${JSON.stringify(uri)} ${problem}`,
})

describe('bad input', () => {
  it.each<Refusal>([
    {
      words: ['client', 'create', '--name', ' ', '--owner', 'u'],
      line: '--name must not be empty',
    },
    {
      words: ['client', 'create', '--name', 'N', '--owner', ''],
      line: '--owner must not be empty',
    },
    {
      words: [...CREATE, '--scope', 'sub"mission'],
      line: '"sub\\"mission" is not a scope: a scope must have 1 to 256 printable ASCII characters, without spaces, quotation marks and backslashes',
    },
    {
      words: [...CREATE, '--scope', 'a:b a:é'],
      line: '"a:é" is not a scope: a scope must have 1 to 256 printable ASCII characters, without spaces, quotation marks and backslashes',
    },
    {
      words: [...CREATE, '--endorsement', '*'],
      line: 'endorsement "*": write *.* for every category',
    },
    {
      words: [...CREATE, '--endorsement', 'cs.*.*'],
      line: '"cs.*.*" is not an endorsement: write a category (cs.DL), an archive (cs.*) or *.*',
    },
    {
      words: [...CREATE, '--grant-type', 'password'],
      line: `unknown grant type "password": use one of ${GRANT_TYPES.join(', ')}`,
    },
    {
      words: [...CREATE, '--auth-method', 'client_secret_jwt'],
      line: `unknown authentication method "client_secret_jwt": use one of ${AUTH_METHODS.join(', ')}`,
    },
    {
      words: [...CREATE, '--url', 'javascript:alert(1)'],
      line: '--url "javascript:alert(1)" is not an http or https URL',
    },
    {
      words: [...CREATE, '--grant-type', 'authorization_code'],
      line: 'the grant type authorization_code needs a redirect URI',
    },
    {
      words: [...CREATE, '--grant-type', 'authorization_code', '--requested-only'],
      line: 'the grant type authorization_code needs a redirect URI',
    },
    {
      words: [...CREATE, '--auth-method', 'none', '--grant-type', 'client_credentials'],
      line: 'the grant type client_credentials needs a client that keeps a secret, not the authentication method none',
    },
    redirect(
      'http://a.example/cb',
      'must be https; http is for 127.0.0.1, [::1] and localhost only',
    ),
    redirect('https://a.example/cb#here', 'must not have a fragment'),
    redirect('/cb', 'must be an absolute URI in plain ASCII'),
    redirect('https://*.example/cb', 'must not have a wildcard or a backslash'),
    redirect('https://user:word@a.example/cb', 'must not name a user or a password'),
    redirect(
      'javascript:alert(1)',
      'must be https, http on a loopback address, or a private-use scheme with a dot in it',
    ),
    redirect(
      'com.example.app:/cb',
      'has a private-use scheme, which is for the authentication method none',
    ),
    { words: ['client', 'show', 'nobody'], line: 'there is no client "nobody"' },
    { words: ['client', 'update', 'nobody', '--name', 'N'], line: 'there is no client "nobody"' },
    {
      words: ['client', 'authorize', 'nobody', '--scope', 'a:b'],
      line: 'there is no client "nobody"',
    },
    {
      words: ['client', 'withdraw', 'nobody', '--scope', 'a:b'],
      line: 'there is no client "nobody"',
    },
    { words: ['client', 'rotate-secret', 'nobody'], line: 'there is no client "nobody"' },
    { words: ['client', 'disable', 'nobody'], line: 'there is no client "nobody"' },
    { words: ['client', 'enable', 'nobody'], line: 'there is no client "nobody"' },
    { words: ['client', 'delete', "x' OR '1'='1"], line: `there is no client "x' OR '1'='1"` },
    {
      words: ['client', 'update', 'SECRET-CLIENT', '--auth-method', 'none'],
      line: 'the grant type client_credentials needs a client that keeps a secret, not the authentication method none',
    },
    {
      words: ['client', 'update', 'SECRET-CLIENT', '--grant-type', 'authorization_code'],
      line: 'the grant type authorization_code needs a redirect URI',
    },
    {
      words: ['client', 'authorize', 'SECRET-CLIENT', '--grant-type', 'authorization_code'],
      line: 'the grant type authorization_code needs a redirect URI',
    },
    {
      words: ['client', 'update', 'PUBLIC-CLIENT', '--redirect-uri', ''],
      line: 'the grant type authorization_code needs a redirect URI',
    },
    {
      words: ['client', 'update', 'PUBLIC-CLIENT', '--auth-method', 'client_secret_post'],
      line: 'redirect URI "com.example.app:/cb" has a private-use scheme, which is for the authentication method none',
    },
    {
      words: ['client', 'authorize', 'PUBLIC-CLIENT', '--grant-type', 'client_credentials'],
      line: 'the grant type client_credentials needs a client that keeps a secret, not the authentication method none',
    },
    {
      words: ['client', 'rotate-secret', 'PUBLIC-CLIENT'],
      line: 'a client with the authentication method none has no secret to rotate',
    },
    ...['0', '59', '2592001', '60.5', '1e3', 'ten', ' '].flatMap((seconds) =>
      [CREATE, ['client', 'update', 'SECRET-CLIENT']].map((words) => ({
        words: [...words, '--access-token-lifetime-seconds', seconds],
        line:
          `--access-token-lifetime-seconds ${JSON.stringify(seconds)} is not a whole number of seconds ` +
          'from 60 to 2592000, nor "" for SESSION_LIFETIME_SECONDS',
      })),
    ),
    ...['-1', '1.5', 'ten', ''].map((seconds) => ({
      words: ['client', 'rotate-secret', 'SECRET-CLIENT', '--overlap-seconds', seconds],
      line: `--overlap-seconds ${JSON.stringify(seconds)} is not a whole number of seconds, zero or more`,
    })),
    {
      words: [...CREATE_USER, '--username', 'Taken', '--password', 'a long password'],
      line: 'username "Taken" is taken',
    },
    {
      words: [...CREATE_USER, '--username', 'two words', '--password', 'a long password'],
      line: '--username must be one word, without spaces and control characters',
    },
    {
      words: [...CREATE_USER, '--email', 'nowhere', '--password', 'a long password'],
      line: '--email "nowhere" is not an e-mail address',
    },
    {
      words: [...CREATE_USER, '--scope', 'x"', '--password', 'a long password'],
      line: '"x\\"" is not a scope: a scope must have 1 to 256 printable ASCII characters, without spaces, quotation marks and backslashes',
    },
    {
      words: [...CREATE_USER, '--password', 'short'],
      line: 'the password must have at least 8 characters',
    },
    {
      words: [...CREATE_USER, '--password-stdin'],
      line: 'the password must not be empty',
      stdin: '',
    },
    {
      words: [...CREATE_USER, '--password-stdin'],
      line: 'the password must not be empty',
      stdin: '\nsecond line\n',
    },
    {
      words: ['user', 'set-password', 'taken', '--password-stdin'],
      line: 'the password must have at least 8 characters',
      stdin: 'short\n',
    },
    {
      words: ['user', 'set-password', 'taken', '--password-stdin'],
      line: 'the password must not hold a NUL',
      stdin: 'a long password\0\n',
    },
    {
      words: ['user', 'set-password', 'nobody', '--password-stdin'],
      line: 'there is no user "nobody"',
      stdin: 'a long password\n',
    },
    { words: ['user', 'show', 'nobody'], line: 'there is no user "nobody"' },
    { words: ['user', 'disable', 'nobody'], line: 'there is no user "nobody"' },
    { words: ['user', 'enable', 'nobody'], line: 'there is no user "nobody"' },
    ...[
      ['update', '--email', 'e@example.org'],
      ['authorize', '--scope', 'a:b'],
      ['withdraw', '--scope', 'a:b'],
      ['delete'],
    ].map(([name = '', ...more]) => ({
      words: ['user', name, 'nobody', ...more],
      line: 'there is no user "nobody"',
    })),
    {
      words: ['user', 'update', 'taken', '--email', 'e'],
      line: '--email "e" is not an e-mail address',
    },
    { words: ['session', 'revoke', '--client', 'nobody'], line: 'there is no client "nobody"' },
    {
      words: ['session', 'revoke', '--user', 'nobody'],
      line:
        'there is no user "nobody": D1 has no user, consent, code or refresh token of that id or name. ' +
        'To revoke for this id in any case: --even-unknown',
    },
    ...['reg_x', 'regc_x', '', mintToken('clientSecret'), mintToken('authorizationCode')].map(
      (token) => ({
        words: ['session', 'revoke', '--token', token],
        line: 'the token is not an access, refresh or browser session token',
      }),
    ),
    {
      words: ['session', 'revoke', '--token-stdin'],
      line: 'the token is not an access, refresh or browser session token',
      stdin: 'somebody else’s token\n',
    },
    {
      words: ['session', 'revoke', '--token', mintToken('refreshToken')],
      line: 'there is no such refresh token',
    },
  ])('the command $words is refused and writes nothing', (refusal) => expectRefused(refusal, 1))

  it.each(Object.keys(TOKEN_PREFIXES) as TokenKind[])(
    'the error for a credential (%s) in the place of another argument does not repeat it',
    async (kind) => {
      const token = mintToken(kind)
      const misplaced = [
        ['session', 'revoke', token],
        ['session', 'revoke', `--tokn=${token}`],
        ['session', 'revoke', '--client', token],
        ['session', 'revoke', '--client', 'x', token],
        ['session', token],
        [token],
        ['client', 'show', token],
        ['client', 'list', token],
      ]
      for (const words of misplaced) {
        const { status, stdout, stderr } = await state.admin(words)
        expect([1, 2]).toContain(status)
        expect(stdout).toBe('')
        expect(stderr).toMatch(/^error: [^\n]+\n$/)
        expect(stderr).not.toContain(token.slice(0, 20))
      }
    },
  )
})

describe('wrong usage', () => {
  it.each<Refusal>([
    { words: ['sessions'], line: "unknown command 'sessions' (Did you mean session?)" },
    { words: ['client', 'destroy', 'x'], line: "unknown command 'destroy'" },
    { words: ['client', 'list', '--all'], line: "unknown option '--all'" },
    {
      words: ['client', 'create', '--owner', 'u'],
      line: "required option '--name <name>' not specified",
    },
    {
      words: ['client', 'create', '--name', 'N'],
      line: "required option '--owner <id>' not specified",
    },
    { words: [...CREATE, '--scope'], line: "option '--scope <scope>' argument missing" },
    { words: ['client', 'show'], line: "missing required argument 'id'" },
    {
      words: ['client', 'show', 'a', 'b'],
      line: "too many arguments for 'show'. Expected 1 argument but got 2: a, b.",
    },
    { words: ['client', 'update', 'SECRET-CLIENT'], line: 'there is nothing to update' },
    { words: ['user', 'update', 'taken'], line: 'there is nothing to update' },
    ...['authorize', 'withdraw'].flatMap((name) =>
      [[], ['--scope', '']].flatMap((lists) => [
        {
          words: ['client', name, 'SECRET-CLIENT', ...lists],
          line: 'name at least one --scope, --grant-type or --endorsement',
        },
        {
          words: ['user', name, 'taken', ...lists],
          line: 'name at least one --scope or --endorsement',
        },
      ]),
    ),
    ...[
      [],
      ['--token', 'reg_x', '--token-stdin'],
      ['--client', 'a', '--user', 'b'],
      ['--client', 'a', 'b'],
      ['a'],
    ].map((words) => ({
      words: ['session', 'revoke', ...words],
      line: 'give exactly one of --token, --token-stdin, --client and --user',
    })),
    { words: CREATE_USER, line: 'give one of --password-stdin, --password and --invite' },
    {
      words: [...CREATE_USER, '--password-stdin', '--password', 'a long password'],
      line: 'give one of --password-stdin, --password and --invite',
    },
    {
      words: ['user', 'create', '--email', 'a@example.org', '--password', 'a long password'],
      line: "required option '--username <name>' not specified",
    },
    {
      words: ['user', 'set-password', 'taken'],
      line: "required option '--password-stdin' not specified",
    },
  ])('the command $words is refused and writes nothing', (refusal) => expectRefused(refusal, 2))

  it.each([[[]], [['client']], [['user']], [['session']]])(
    'a command line of only the words %j prints the help on stderr',
    async (words) => {
      const { status, stdout, stderr } = await commandLine(words, {})
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).toContain('Usage: npm run admin --')
    },
  )
})

describe('--help', () => {
  const verbs = {
    client: [
      ...['create', 'list', 'show', 'update', 'authorize', 'withdraw'],
      ...['rotate-secret', 'disable', 'enable', 'delete'],
    ],
    user: [
      ...['create', 'list', 'show', 'update', 'authorize', 'withdraw'],
      ...['disable', 'enable', 'set-password', 'invite', 'delete'],
    ],
    session: ['revoke'],
  }
  const commands = Object.entries(verbs).flatMap(([noun, names]) =>
    names.map((name) => [noun, name]),
  )

  it.each(commands)(
    'the help of %s %s describes the command and each option, and has an example',
    async (noun, name) => {
      const { status, stdout, stderr } = await commandLine(
        [noun as string, name as string, '--help'],
        {},
      )
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`Usage: npm run admin -- ${noun} ${name}`)
      expect(stdout).toContain(`Example:\n  npm run --silent admin -- ${noun} ${name}`)
      expect(stdout).toContain('--json')
      expect(stdout).toContain('--remote')
    },
  )
})
