/** `npm run deploy` from an empty account to a deployment that passes the doctor, with stand-ins for wrangler and Cloudflare. */

import { readFileSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import type { Answer } from './command-line.ts'
import { ACCOUNT, refuse, TOKEN } from './deploy-stand-ins.ts'
import {
  AUTHENTICATOR,
  cloud,
  expectDeployed,
  filesOfSecrets,
  ISSUER,
  MADE_SECRETS,
  operatorFile,
  run,
  secretFolder,
  useAccount,
  WORDS,
} from './deployment.ts'

useAccount()

describe('an empty account', () => {
  it('npm run deploy on an empty account makes a deployment that passes the doctor', async () => {
    const answer = await run(WORDS)
    const { commands } = await expectDeployed(answer)
    expect(commands).toEqual([
      'auth token --json',
      'd1 execute DB --remote --json --command CREATE',
      'd1 migrations apply DB --remote',
      'd1 execute DB --remote --json --command SELECT',
      'd1 execute DB --remote --json --command INSERT',
      'secret put SIGNING_KEYS',
      'secret put JWT_SECRET --config src/authenticator/wrangler.toml',
      'secret put PROXY_SECRET --config src/authenticator/wrangler.toml',
      'deploy --config src/management/wrangler.toml',
      'deploy --domain auth.example.org',
      'deploy --config src/authenticator/wrangler.toml --domain authn.example.org',
    ])
    for (const check of [
      'bindings',
      'management',
      'operators',
      'jwt-secret',
      'proxy-secret',
      'issuer',
      'session',
      'clean-up',
    ]) {
      expect(answer.stdout).toMatch(new RegExp(`^ok +${check} `, 'm'))
    }
  })

  it('npm run deploy refuses a database that a newer version has migrated, before it applies or deploys anything', async () => {
    await cloud.write((account) => {
      account.isMigrated = true
      account.migrations = ['0001_registry.sql', '9999_newer.sql']
    })
    const { status, stderr } = await run(WORDS)
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(
        'error: migrations: the database is newer than this version, which does not have 9999_newer.sql: run the version that made it\n',
      ),
    ])
    const { commands, deployed } = await cloud.read()
    expect([commands.at(-1), deployed]).toEqual([
      'd1 execute DB --remote --json --command CREATE',
      [],
    ])
    // Control: a migration of this version is no reason to refuse.
    await cloud.write((account) => {
      account.migrations = ['0001_registry.sql']
    })
    await expectDeployed(await run(WORDS))
  })

  it('npm run deploy changes only the issuer and the ids in each wrangler.toml', async () => {
    const before = Object.values(cloud.files).map((path) => readFileSync(path, 'utf8').split('\n'))
    await expectDeployed(await run(WORDS))
    const after = Object.values(cloud.files).map((path) => readFileSync(path, 'utf8').split('\n'))
    const changed = after.map((lines, i) => {
      expect(lines).toHaveLength(before[i]?.length ?? 0)
      return lines.filter((line, at) => line !== before[i]?.[at]).map((line) => line.split(' ')[0])
    })
    expect(changed).toEqual([
      ['ISSUER', 'database_id', 'id', 'id'],
      ['ISSUER', 'database_id', 'id'],
      ['ISSUER', 'id'],
    ])
  })

  it('the second of two npm run deploy at the same time is refused before it creates anything', async () => {
    const answers = await Promise.all([run(WORDS), run(WORDS)])
    const [refused, ...deployed] = answers.toSorted((a, b) => b.status - a.status)
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused?.stderr).toContain('another npm run deploy runs here: wait until it has ended')
    const { workers } = await expectDeployed(deployed[0] as Answer)
    for (const path of filesOfSecrets().filter((file) => !file.includes('operator'))) {
      const set = Object.values(workers).map(({ secrets }) => secrets[basename(path)])
      expect(set).toContain(readFileSync(path, 'utf8'))
    }
    expect((await run(WORDS)).status).toBe(0)
  })

  it('npm run deploy writes each secret to one file that only its owner can read, and prints its path', async () => {
    const { stdout } = await run(WORDS)
    const { registry, authenticator } = (await cloud.read()).workers
    const set: Record<string, string> = { ...registry?.secrets, ...authenticator?.secrets }
    const names = Object.values(MADE_SECRETS).flat()
    expect(Object.keys(set)).toEqual(names)
    for (const name of names) {
      const path = join(secretFolder(), name)
      expect(readFileSync(path, 'utf8')).toBe(set[name])
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(stdout).toContain(`deployment/${ACCOUNT}/${name}\n`)
    }
    expect(
      filesOfSecrets()
        .map((path) => basename(path))
        .sort(),
    ).toEqual([...names, 'operator.json', 'operator.json.token'].sort())
    expect(authenticator?.secrets.JWT_SECRET).not.toBe(authenticator?.secrets.PROXY_SECRET)
    expect(statSync(secretFolder()).mode & 0o777).toBe(0o700)
  })

  it('npm run deploy at a terminal signs in to Cloudflare and asks for the issuer', async () => {
    await cloud.write((account) => {
      account.isSignedIn = false
    })
    const { status, stdout } = await run(
      ['--authenticator', AUTHENTICATOR, '--wait-seconds', '0'],
      {
        answers: [`${ISSUER} `],
      },
    )
    expect(status).toBe(0)
    expect(stdout).toContain('Issuer, the https origin that users will see')
    expect((await cloud.read()).commands.slice(0, 3)).toEqual([
      'auth token --json',
      'login',
      'auth token --json',
    ])
  })

  it('npm run deploy with an API token needs no wrangler login, and uses given secrets', async () => {
    const env = {
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      ISSUER,
      SIGNING_KEYS: await formatKeys(await createKeys('EdDSA', 0)),
      JWT_SECRET: 'a-secret-for-jwts-that-was-made-elsewhere',
      PROXY_SECRET: 'a-secret-for-proxies-that-was-made-elsewhere',
    }
    const answer = await run(WORDS.slice(2), { env })
    const { commands, workers } = await expectDeployed(answer)
    expect(commands[0]).toBe('d1 execute DB --remote --json --command CREATE')
    expect(workers.registry?.secrets).toEqual({ SIGNING_KEYS: env.SIGNING_KEYS })
    expect(workers.authenticator?.secrets).toEqual({
      JWT_SECRET: env.JWT_SECRET,
      PROXY_SECRET: env.PROXY_SECRET,
    })
    expect(filesOfSecrets()).toEqual([operatorFile(), `${operatorFile()}.token`])
  })
})

describe('keys of the authenticator', () => {
  const names = async () =>
    Object.keys((await cloud.read()).workers.authenticator?.secrets ?? {}).sort()

  it('npm run deploy sets given AUTHENTICATOR_KEYS, and then creates no JWT_SECRET', async () => {
    const env = { AUTHENTICATOR_KEYS: await formatKeys(await createKeys('ES256', 0)) }
    expect((await run(WORDS, { env })).status).toBe(0)
    expect(await names()).toEqual(['AUTHENTICATOR_KEYS', 'PROXY_SECRET'])
    // A later run without them creates no JWT_SECRET either.
    expect((await run(WORDS)).stdout).toContain('AUTHENTICATOR_KEYS is set already')
    expect(await names()).toEqual(['AUTHENTICATOR_KEYS', 'PROXY_SECRET'])
  })

  it('npm run deploy adds AUTHENTICATOR_KEYS to a deployment, and keeps its JWT_SECRET', async () => {
    await expectDeployed(await run(WORDS))
    const before = (await cloud.read()).workers.authenticator?.secrets
    const AUTHENTICATOR_KEYS = await formatKeys(await createKeys('ES256', 0))
    expect((await run(WORDS, { env: { AUTHENTICATOR_KEYS } })).status).toBe(0)
    const after = (await cloud.read()).workers.authenticator?.secrets
    expect(after).toEqual({ ...before, AUTHENTICATOR_KEYS })
  })
})

describe('a second run', () => {
  it('npm run deploy in a second run deploys a new version and keeps the ids, the issuer and the secrets', async () => {
    const first = await expectDeployed(await run(WORDS))
    const configs = Object.values(cloud.files).map((path) => readFileSync(path, 'utf8'))
    await cloud.write((account) => {
      account.commands = []
    })
    const answer = await run(WORDS.slice(2), {
      env: { PROXY_SECRET: first.workers.authenticator?.secrets.PROXY_SECRET ?? '' },
    })
    const again = await expectDeployed(answer)
    expect(again.workers).toEqual(first.workers)
    expect(again.commands.join('\n')).not.toContain('secret put')
    expect(Object.values(cloud.files).map((path) => readFileSync(path, 'utf8'))).toEqual(configs)
  })

  it('npm run deploy keeps ids that were written by hand, whatever the name of the database is', async () => {
    const uuid = '11111111-aaaa-4000-8000-000000000001'
    await cloud.write((account) => {
      account.databases.push({ uuid, name: 'named-by-hand' })
    })
    const { registry } = cloud.files
    const text = readFileSync(registry, 'utf8')
    await writeFile(registry, text.replace(/database_id = "[^"]*"/, `database_id = "${uuid}"`))
    const { status, stdout } = await run(WORDS)
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining('DB found, written into src/management/wrangler.toml'),
    ])
    expect((await cloud.read()).databases).toEqual([{ uuid, name: 'named-by-hand' }])
    expect(readFileSync(registry, 'utf8')).toContain(`database_id = "${uuid}"`)
  })

  it('npm run deploy refuses a different id or issuer of the authenticator instead of overwriting it', async () => {
    const { authenticator } = cloud.files
    const text = readFileSync(authenticator, 'utf8')
    const changed = text.replace(/^id = "[^"]*"/m, 'id = "another-namespace"')
    await writeFile(authenticator, changed)
    const first = await run(WORDS)
    expect([first.status, first.stderr]).toEqual([
      1,
      expect.stringContaining(
        'the id of SESSIONS differs between wrangler.toml and src/authenticator/wrangler.toml',
      ),
    ])
    await writeFile(authenticator, text.replace(/ISSUER = .*/, 'ISSUER = "https://b.example.org"'))
    const second = await run(WORDS.slice(2))
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringContaining(
        'error: issuer: ISSUER differs between wrangler.toml and src/authenticator/wrangler.toml',
      ),
    ])
  })

  it('npm run deploy in a second run continues after the registry was not reachable in time', async () => {
    const reachable = globalThis.fetch
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) =>
      url === `${ISSUER}/healthz` ? new Response(null, { status: 522 }) : reachable(url, init),
    )
    try {
      const { status, stderr } = await run(WORDS)
      expect([status, stderr.split('\n')[0]]).toEqual([
        1,
        `error: served: ${ISSUER}/healthz: answered 522 after 0 s`,
      ])
    } finally {
      vi.stubGlobal('fetch', reachable)
    }
    await expectDeployed(await run(WORDS))
  })
})

describe('refusals before any change at Cloudflare', () => {
  const refused = async (answer: Answer, step: string, problem: string | RegExp) => {
    expect(answer.status).toBe(1)
    expect(answer.stderr.split('\n')[0]).toMatch(
      typeof problem === 'string' ? `error: ${step}: ${problem}` : problem,
    )
    const { commands, databases, namespaces, workers } = await cloud.read()
    expect({ databases, namespaces, workers }).toEqual({
      databases: [],
      namespaces: [],
      workers: {},
    })
    expect(commands.filter((command) => !command.startsWith('auth'))).toEqual([])
  }

  const badIssuers = [
    ['http://auth.example.org', ': must be an https origin'],
    ['https://auth.example.org/', ': must be an https origin'],
    ['https://localhost', ' is https://localhost, an address of this machine'],
    ['https://registry.someone.workers.dev', ': workers.dev is switched off'],
  ] as const
  it.each(badIssuers)(
    'npm run deploy refuses the issuer %s before it signs in to Cloudflare',
    async (issuer, problem) => {
      for (const words of [[], ['--dry-run'], ['--new-operator']]) {
        const asOption = await run(['--issuer', issuer, ...words])
        expect([asOption.status, asOption.stdout]).toEqual([2, ''])
        expect(asOption.stderr.startsWith(`error: --issuer${problem}`), asOption.stderr).toBe(true)
        const asSetting = await run(words, { env: { ISSUER: issuer } })
        expect([asSetting.status, asSetting.stdout]).toEqual([2, ''])
        expect(asSetting.stderr.startsWith(`error: ISSUER${problem}`), asSetting.stderr).toBe(true)
      }
      expect((await cloud.read()).commands).toEqual([])
      expect(cloud.box.asked).toEqual([])
    },
  )

  it.each(badIssuers)(
    'npm run deploy refuses the issuer %s typed at a terminal',
    async (issuer, problem) => {
      await refused(await run([], { answers: [issuer] }), 'issuer', `ISSUER${problem}`)
    },
  )

  it('npm run deploy without an issuer and without a terminal is refused', async () => {
    await refused(
      await run([]),
      'issuer',
      'give the address of the registry: --issuer https://auth.example.org',
    )
  })

  it('npm run deploy refuses an issuer in a domain that the account does not have', async () => {
    await refused(
      await run(['--issuer', 'https://auth.example.com']),
      'addresses',
      'auth.example.com is in no domain of this account',
    )
  })

  it('npm run deploy refuses the same address for both workers before it creates anything', async () => {
    await refused(
      await run(['--issuer', ISSUER, '--authenticator', ISSUER]),
      'addresses',
      'auth.example.org would be the address of both workers: give --authenticator another one',
    )
    const { databases, workers } = await cloud.read()
    expect([databases, workers]).toEqual([[], {}])
  })

  it('npm run deploy refuses an address that another worker has, or that has DNS records', async () => {
    cloud.box.spoil = ({ path }) =>
      path.includes('/workers/domains?')
        ? {
            status: 200,
            body: JSON.stringify({
              success: true,
              result: [{ hostname: 'auth.example.org', service: 'shop' }],
            }),
          }
        : null
    await refused(
      await run(WORDS),
      'addresses',
      'auth.example.org is the address of another worker, shop',
    )
    cloud.box.spoil = ({ path }) =>
      path.includes('/dns_records?')
        ? { status: 200, body: JSON.stringify({ success: true, result: [{ type: 'A' }] }) }
        : null
    await refused(await run(WORDS), 'addresses', 'auth.example.org has DNS records')
  })

  it.each([/^\/zones\?/, /\/workers\/domains\?/, /\/dns_records\?/])(
    'npm run deploy without a terminal refuses an address that the API token may not look up (%s)',
    async (path) => {
      cloud.box.spoil = (asked) => (path.test(asked.path) ? refuse(403, 'Forbidden') : null)
      await refused(await run(WORDS), 'addresses', 'auth.example.org cannot be looked up: ')
      await expectDeployed(await run(WORDS, { answers: [] }))
    },
  )

  it('npm run deploy refuses the free plan unless an option accepts it', async () => {
    cloud.box.spoil = ({ path }) =>
      path.endsWith('/subscriptions')
        ? {
            status: 200,
            body: JSON.stringify({ success: true, result: [{ rate_plan: { id: 'free' } }] }),
          }
        : null
    await refused(await run(WORDS), 'plan', 'the account is on the free plan')
    await refused(await run(WORDS, { answers: ['n'] }), 'plan', 'the account is on the free plan')
    await expectDeployed(await run([...WORDS, '--free-plan']))
  })

  it('npm run deploy accepts the free plan if users sign in at an accounts service', async () => {
    const free = { success: true, result: [{ rate_plan: { id: 'free' } }] }
    cloud.box.spoil = ({ path }) =>
      path.endsWith('/subscriptions') ? { status: 200, body: JSON.stringify(free) } : null
    const { registry, management } = cloud.files
    const loginUrl = 'LOGIN_URL = "https://accounts.example.org/sign-in"'
    for (const file of [registry, management]) {
      const text = readFileSync(file, 'utf8')
      await writeFile(file, text.replace('[vars]', `[vars]\n${loginUrl}`))
    }
    const answer = await run(WORDS)
    expect(answer.stdout).toMatch(/^plan +free: users sign in at LOGIN_URL$/m)
    await expectDeployed(answer)
  })

  it('npm run deploy refuses to choose one of several accounts', async () => {
    cloud.box.spoil = ({ path }) =>
      path.startsWith('/accounts?')
        ? {
            status: 200,
            body: JSON.stringify({
              success: true,
              result: [
                { id: ACCOUNT, name: 'One' },
                { id: 'account-2', name: 'Two' },
              ],
            }),
          }
        : null
    await refused(
      await run(WORDS),
      'sign-in',
      'there are several accounts, name one by --account: ',
    )
    await expectDeployed(await run([...WORDS, '--account', ACCOUNT]))
  })

  it('npm run deploy refuses a setting that a worker would refuse, and names it', async () => {
    const { registry } = cloud.files
    const text = readFileSync(registry, 'utf8').replace('[vars]', '[vars]\nCODE_RETRY_SECONDS = 61')
    await writeFile(registry, text)
    await refused(
      await run(WORDS),
      'issuer',
      'wrangler.toml: CODE_RETRY_SECONDS: must be a whole number from 0 to 60',
    )
  })

  it('npm run deploy refuses a wrangler.toml with another layout, and prints what to write by hand', async () => {
    const { registry } = cloud.files
    const text = readFileSync(registry, 'utf8')
    const inline = 'vars = { ISSUER = "http://127.0.0.1:8787" }\n'
    await writeFile(registry, `${inline}${text.replace(/\[vars\][^[]*/, '')}`)
    await refused(
      await run(WORDS),
      'issuer',
      /^error: issuer: \S+ has another layout than expected: write ISSUER = "https:\/\/auth\.example\.org" into it by hand \(vars\)$/,
    )
    const database = 'd1_databases = [{ binding = "DB", database_id = "00" }]\n'
    await writeFile(registry, `${database}${text.replace(/\[\[d1_databases\]\][^[]*/, '')}`)
    expect((await run(WORDS)).stderr).toMatch(
      /^error: database: .*: write database_id = "[\w-]+" into it by hand \(d1_databases, binding DB\)\n/,
    )
  })

  it.each([
    ['JWT_SECRET', 'must be at least 32 bytes'],
    ['PROXY_SECRET', 'must be at least 32 bytes'],
    ['SIGNING_KEYS', 'must be JSON: a JWK Set'],
    ['AUTHENTICATOR_KEYS', 'must be JSON: a JWK Set'],
  ])(
    'npm run deploy refuses a %s that its worker would refuse, with an error that does not contain its value',
    async (name, problem) => {
      const value = 'short-secret-of-this-test'
      const answer = await run(WORDS, { env: { [name]: value } })
      await refused(answer, 'issuer', `${name}: ${problem}`)
      expect(answer.stdout + answer.stderr).not.toContain(value)
    },
  )
})

it('npm run deploy refuses keys that cannot sign, and keys of the registry for the authenticator', async () => {
  const [one, other] = [await createKeys('ES256', 0), await createKeys('ES256', 0)]
  const mixed = JSON.stringify({ keys: [{ ...one[0], d: other[0].d }] })
  const [first, second] = await Promise.all([one, other].map(formatKeys))
  const shared = JSON.stringify({ keys: [other[0], one[0]] })
  for (const [env, problem] of [
    [{ SIGNING_KEYS: mixed }, 'SIGNING_KEYS: key 1 cannot sign'],
    [{ AUTHENTICATOR_KEYS: mixed }, 'AUTHENTICATOR_KEYS: key 1 cannot sign'],
    [
      { SIGNING_KEYS: first ?? '', AUTHENTICATOR_KEYS: shared },
      'AUTHENTICATOR_KEYS: must not have a key of SIGNING_KEYS',
    ],
  ] as const) {
    const { status, stderr } = await run(WORDS, { env })
    expect([status, stderr]).toEqual([1, expect.stringContaining(`error: issuer: ${problem}`)])
    expect((await cloud.read()).workers).toEqual({})
  }
  const env = { SIGNING_KEYS: first ?? '', AUTHENTICATOR_KEYS: second ?? '' }
  expect((await run(WORDS, { env })).status).toBe(0)
})

it('npm run deploy continues with a note if it cannot read the plan', async () => {
  cloud.box.spoil = ({ path }) =>
    path.endsWith('/subscriptions') ? refuse(403, 'Forbidden') : null
  const answer = await run(WORDS)
  expect(answer.stdout).toMatch(/^plan +not visible to this API token/m)
  await expectDeployed(answer)
})

it('npm run deploy deploys a worker that has routes with these routes, and does not check its address', async () => {
  const text = readFileSync(cloud.files.registry, 'utf8')
  const routes = 'routes = [{ pattern = "auth.example.org", custom_domain = true }]\n'
  await writeFile(cloud.files.registry, `${routes}${text}`)
  cloud.box.spoil = ({ path }) =>
    path.startsWith('/zones') && path.includes('auth.') ? refuse(500, 'Not to be asked') : null
  const { status, stdout } = await run(WORDS)
  expect([status, stdout]).toEqual([0, expect.stringContaining('the registry has routes')])
  expect((await cloud.read()).commands).toContain('deploy')
})

describe('runs without a deployment', () => {
  it('npm run deploy --dry-run prints each step and changes nothing', async () => {
    const { status, stdout } = await run(['--dry-run'])
    expect(status).toBe(0)
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0])
    expect(names).toEqual([
      ...['sign-in', 'plan', 'issuer', 'addresses', 'database', 'namespaces'],
      ...['migrations', 'operator', 'secrets', 'management', 'registry', 'authenticator'],
      ...['served', 'doctor'],
    ])
    expect((await cloud.read()).commands).toEqual([])
    expect(cloud.box.asked).toEqual([])
    const ofOperator = await run(['--new-operator', '--dry-run'])
    expect(ofOperator.stdout.match(/^\S+/gm)).toEqual(['sign-in', 'operator'])
    expect((await cloud.read()).commands).toEqual([])
  })

  it('npm run deploy --help prints its usage', async () => {
    const { status, stdout } = await run(['--help'])
    expect(status).toBe(0)
    for (const option of ['--issuer', '--authenticator', '--account', '--free-plan', '--dry-run']) {
      expect(stdout).toContain(option)
    }
    expect(stdout).toContain('Example:\n  npm run deploy -- --issuer https://auth.example.org\n')
  })

  it.each([
    [['--isuer', ISSUER], /--isuer/],
    [['--authenticator', 'http://authn.example.org'], /^error: --authenticator must be/],
    [['--authenticator', 'https://authn.example.org/auth'], /^error: --authenticator must be/],
    [['--wait-seconds', 'long'], /^error: --wait-seconds must be/],
    [['deploy'], /^error: /],
  ])('npm run deploy refuses wrong usage with status 2: %j', async (words, problem) => {
    const { status, stderr } = await run(words)
    expect(status).toBe(2)
    expect(stderr).toMatch(problem)
    expect((await cloud.read()).commands).toEqual([])
  })
})
