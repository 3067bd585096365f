/**
 * Mutation testing by hand: `node test/mutants.ts [WORD]` makes one mistake at a time in a copy of the repository
 * and runs the test file that must notice it. Exit status 1 if one is not noticed, or no longer fits the source.
 * WORD: only the mistakes in files whose path contains it.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Mutant = Readonly<{
  file: string
  /** Occurs exactly once. */
  original: string
  mistake: string
  /** The test file that must fail. */
  killer: string
}>

const mutant = (file: string, killer: string, original: string, mistake: string): Mutant => ({
  file: `src/${file}`,
  killer: `test/${killer}.test.ts`,
  original,
  mistake,
})

const ANY_TEXT = 'unit/any-text'
const CODE = 'workers/rfc6749-authorization-code'
const REFRESH = 'workers/rfc6749-refresh'
const CLIENT = 'workers/rfc6749-client-authentication'
const CODE_GRANT = 'flows/grants/authorization-code.ts'
const REFRESH_GRANT = 'flows/grants/refresh-token.ts'

const MUTANTS: readonly Mutant[] = [
  mutant('protocol/redirect-uri.ts', ANY_TEXT, '(isPublic(client) && redirect', '(redirect'),
  mutant('protocol/redirect-uri.ts', ANY_TEXT, String.raw`(?::\d{1,5})?`, '(?::[^/]*)?'),
  mutant('protocol/redirect-uri.ts', ANY_TEXT, "undefined || uri.includes('#')", 'undefined'),
  mutant(
    'protocol/pkce.ts',
    ANY_TEXT,
    "return 'code_verifier without a code_challenge before'",
    'return null',
  ),
  mutant('protocol/pkce.ts', ANY_TEXT, "method !== 'S256'", "method === 'plain'"),
  mutant(
    'protocol/fields.ts',
    ANY_TEXT,
    'if (seen.has(name) && !MAY_REPEAT.has(name))',
    'if (!MAY_REPEAT.has(name))',
  ),
  mutant(
    'protocol/client-authentication.ts',
    ANY_TEXT,
    "decodeURIComponent(text.replaceAll('+', ' '))",
    'decodeURIComponent(text)',
  ),
  mutant('protocol/session-cookie.ts', ANY_TEXT, 'values.length > 1 || ', ''),
  mutant('protocol/scope-parameter.ts', ANY_TEXT, '!holdsScope(authorized, scope)', 'false'),
  mutant('protocol/dpop.ts', ANY_TEXT, 'UNRESERVED.test(character) ? character : ', ''),
  mutant('protocol/dpop.ts', 'workers/rfc9449-dpop', 'htm !== request.method', 'htm === undefined'),
  mutant(
    'protocol/dpop.ts',
    'workers/rfc9449-dpop',
    '<= PROOF_WINDOW_SECONDS)',
    '<= PROOF_WINDOW_SECONDS * 10)',
  ),
  mutant(
    'protocol/client-assertion.ts',
    'workers/rfc7523-client-assertion',
    'aud.length === 1 && aud[0] === issuer',
    'aud.includes(issuer)',
  ),
  mutant('protocol/callers-words.ts', 'workers/any-input', '[^\\x20-\\x7e]', '[^\\x20-\\uffff]'),
  mutant('crypto/jws.ts', 'workers/scoped-jwt', 'kid !== undefined && kid !== header.kid', 'false'),
  mutant('scoped/caller.ts', 'workers/scoped-jwt', 'imported?.from !== from', '!imported'),
  mutant('http/next-page.ts', ANY_TEXT, '/^\\/(?!\\/)/', '/^\\//'),
  mutant(
    'http/form.ts',
    'workers/any-input',
    'noteForm(c, pairs)',
    "if (pairs.has('__proto__')) throw new Error()",
  ),
  mutant(
    'flows/authenticate-client.ts',
    CLIENT,
    "if (!isEnabled(client)) throw invalidClient('disabled client')",
    '',
  ),
  mutant('flows/authenticate-client.ts', CLIENT, 'presented.method !== client.authMethod', 'false'),
  mutant(
    'flows/authenticate-client.ts',
    'workers/any-input',
    'if (!credential) throw',
    'if (!client) throw',
  ),
  mutant(
    'flows/proof-of-possession.ts',
    'workers/rfc9449-dpop',
    'if (!(await isFirstUse)) throw',
    'if (!(await isFirstUse)) void',
  ),
  mutant('flows/sign-in.ts', 'workers/sign-in', ' || !isEnabled(found.user)', ''),
  mutant('flows/sign-in.ts', 'workers/any-input', '!found || !matches || ', '!found || '),
  mutant('flows/authorize.ts', 'workers/consent', '!answer.confirmed || ', ''),
  mutant(
    'flows/authorize.ts',
    'workers/rfc6749-authorization-endpoint',
    'const redirect = approveRedirect(client, asked.redirectUri)',
    'const redirect = asked.redirectUri as ApprovedRedirect',
  ),
  mutant(
    CODE_GRANT,
    CODE,
    "if (code.clientId !== client.clientId) refuse('issued to another client')",
    '',
  ),
  mutant(CODE_GRANT, CODE, 'if (isExpired(code, now))', 'if (false)'),
  mutant(CODE_GRANT, REFRESH, 'await deps.revocations.endFamily(', 'void ('),
  mutant(CODE_GRANT, 'workers/rfc7636-pkce', 'if (problem !== null) refuse(problem)', ''),
  mutant(
    REFRESH_GRANT,
    REFRESH,
    "if (family.clientId !== client.clientId) refuse('issued to another client')",
    '',
  ),
  mutant(REFRESH_GRANT, REFRESH, 'const isRetry = !isPublic(client) && ', 'const isRetry = '),
  mutant(REFRESH_GRANT, REFRESH, 'meetScopes(requested, held.scopes)', 'requested'),
  mutant(
    'flows/revoke-token.ts',
    'workers/rfc7009-revocation',
    'requireOwn(standing.family.clientId, client)',
    '',
  ),
  mutant(
    'flows/introspect.ts',
    'workers/rfc7662-introspection',
    'client.mayIntrospect && !isPublic(client)',
    'client.mayIntrospect',
  ),
]

const COPIED = ['src', 'test', 'migrations', 'examples', 'package.json', 'tsconfig.json']
const CONFIGURATION = ['vitest.config.ts', 'wrangler.toml']

function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  for (const path of [...COPIED, ...CONFIGURATION]) {
    cpSync(path, join(copy, path), { recursive: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** How many tests of the file failed; null when it could not be run, which is no proof of anything. */
function failuresOf(copy: string, testFile: string): number | null {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json']
  spawnSync(process.execPath, [...words, `--outputFile=${report}`, testFile], {
    cwd: copy,
    stdio: 'ignore',
  })
  try {
    const { numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as {
      numFailedTests: number
      numTotalTests: number
    }
    return numTotalTests === 0 ? null : numFailedTests
  } catch {
    return null
  }
}

function fateOf({ file, original, mistake, killer }: Mutant, copy: string): string {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  const parts = source.split(original)
  if (parts.length !== 2) return `does not fit: found ${parts.length - 1} times`
  writeFileSync(path, parts.join(mistake))
  const failures = failuresOf(copy, killer)
  writeFileSync(path, source)
  if (failures === null) return 'could not be tested'
  return failures === 0 ? 'SURVIVED' : 'killed'
}

const [, , word = ''] = process.argv
const chosen = MUTANTS.filter(({ file }) => file.includes(word))
const copy = copyRepository()
try {
  const killers = [...new Set(chosen.map(({ killer }) => killer))]
  const broken = killers.filter((killer) => failuresOf(copy, killer) !== 0)
  if (broken.length > 0) throw new Error(`fails without any mistake: ${broken.join(', ')}`)
  let bad = 0
  for (const one of chosen) {
    const fate = fateOf(one, copy)
    if (fate !== 'killed') bad += 1
    console.log(
      `${fate}: ${one.file}: ${one.original} -> ${one.mistake || 'nothing'} (${one.killer})`,
    )
  }
  console.log(`${chosen.length - bad} of ${chosen.length} killed`)
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  rmSync(copy, { recursive: true })
}
