/** `npm run deploy` and the workers accept the same configurations. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'
import { type Bindings, compose } from '../../src/compose.ts'
import { SETTING_NAMES, type WorkerName } from '../../src/config.ts'
import { type Configs, deployProblems } from '../../src/local/deploy-problems.ts'
import type { WranglerConfig } from '../../src/local/wrangler-config.ts'
import { composeManagement, type ManagementEnv } from '../../src/management/compose.ts'
import { loggedBy } from './logged.ts'
import { JWT_SECRET } from './stored-session.ts'
import { WEBHOOK_SECRET } from './webhook-receiver.ts'

const lines = loggedBy('error')

const NAMES = ['DB', 'SESSIONS', 'CODES', 'LOGIN_LIMIT', 'REFUSAL_LIMIT'] as const
const VALUES = [
  ...['', '0', '1', '59', '60', '3600', '3601', '2592000', '60.5', ' 60', '6e1', '-1', 'true'],
  ...['all', 'refusals', 'ALL', 'http://login.example/', 'https://login.example/sign-in'],
  ...[
    'https://login.example/#top',
    'https://registry.example/login',
    'javascript:alert(1)',
    'login.example',
    '\u0000',
    'none',
  ],
] as const
const ISSUERS = [
  ...['https://registry.example', 'https://registry.example:8443', 'https://registry.example/'],
  ...['https://REGISTRY.example', 'http://registry.example', 'https://registry.example/path'],
  ...['https://user@registry.example', 'registry.example', '', 'http://127.0.0.1:8787', 'null'],
] as const

/** Mostly the valid value, so that enough configurations are accepted. */
const mostly = <T>(good: T, others: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: others })

const BOUND = {
  registry: NAMES,
  management: ['DB', 'SESSIONS', 'LOGIN_LIMIT', 'REFUSAL_LIMIT'],
  authenticator: ['SESSIONS'],
} as const satisfies Record<WorkerName, readonly string[]>

const configuration = (worker: WorkerName) =>
  fc.record({
    missing: mostly<string | null>(null, fc.constantFrom(...BOUND[worker])),
    issuer: mostly<string>(ISSUERS[0], fc.constantFrom(...ISSUERS)),
    vars: mostly<Record<string, string>>(
      {},
      fc.dictionary(
        fc.constantFrom(...SETTING_NAMES.filter((name) => name !== 'ISSUER')),
        fc.constantFrom(...VALUES),
        { minKeys: 1, maxKeys: 2 },
      ),
    ),
    crons: mostly<string[]>(['* * * * *'], fc.constant([])),
    worker: fc.constant(worker),
  })

type Drawn = ReturnType<typeof configuration> extends fc.Arbitrary<infer Value> ? Value : never

function configOf({ missing, issuer, vars, crons, worker }: Drawn): WranglerConfig {
  const bound = (name: string) => name !== missing && BOUND[worker].some((one) => one === name)
  const limit = (name: string) => ({
    name,
    namespace_id: '1',
    simple: { limit: 1, period: 60 } as const,
  })
  return {
    name: 'worker',
    main: 'worker.ts',
    compatibility_date: '2026-08-01',
    compatibility_flags: worker === 'management' ? ['global_fetch_strictly_public'] : [],
    vars: { ...vars, ISSUER: issuer },
    d1_databases: ['DB'].filter(bound).map((binding) => ({
      binding,
      database_id: 'd1-id',
      database_name: 'registry',
      migrations_dir: 'migrations',
    })),
    kv_namespaces: ['SESSIONS', 'CODES']
      .filter(bound)
      .map((binding) => ({ binding, id: `${binding}-id` })),
    ratelimits: ['LOGIN_LIMIT', 'REFUSAL_LIMIT'].filter(bound).map(limit),
    services: [],
    workers_dev: false,
    triggers: { crons: worker === 'registry' ? crons : [] },
  }
}

/** The `env` that the platform gives a worker with this configuration. */
function envOf(config: WranglerConfig, secrets: Record<string, string>) {
  const bound = [
    ...[...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding),
    ...config.ratelimits.map(({ name }) => name),
  ]
  const bindings = bound.map((name) => [name, env[name as (typeof NAMES)[number]]])
  return { ...config.vars, ...secrets, ...Object.fromEntries(bindings) }
}

/** The name of the setting or binding because of which a worker does not start; null if it starts. */
function refusedBy(start: (given: unknown) => unknown, config: WranglerConfig): string | null {
  try {
    start(envOf(config, { WEBHOOK_SECRET }))
    return null
  } catch (refusal) {
    return nameIn((refusal as Error).message)
  }
}

async function refusedByAuthenticator(config: WranglerConfig): Promise<string | null> {
  const given = envOf(config, {
    JWT_SECRET,
    PROXY_SECRET: `${JWT_SECRET} of the proxy`.replaceAll(' ', '-'),
  })
  const { fetch } = createAuthenticator(given as unknown as AuthenticatorEnv)
  const { status } = await fetch(new Request('https://authenticator.example/healthz'))
  if (status === 200) return null
  return nameIn(String(lines.at(-1)?.detail))
}

const nameIn = (problem: string) => /^[A-Z0-9_]+(?=: )/.exec(problem)?.[0] ?? problem

const anyDeployment = fc.record({
  registry: configuration('registry'),
  management: configuration('management'),
  authenticator: configuration('authenticator'),
})

describe('npm run deploy and the workers', () => {
  it('the workers start with every configuration that deploy accepts, and deploy refuses a bad setting by the same name as the worker', async () => {
    const seen = { accepted: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(anyDeployment, async (drawn) => {
        const configs: Configs = {
          registry: configOf(drawn.registry),
          management: configOf({
            ...drawn.management,
            issuer: drawn.registry.issuer,
            vars: drawn.registry.vars,
          }),
          authenticator: configOf(drawn.authenticator),
        }
        const problems = deployProblems(configs)
        const refusals = [
          ['wrangler.toml', refusedBy((given) => compose(given as Bindings), configs.registry)],
          [
            'src/management/wrangler.toml',
            refusedBy(
              (given) => composeManagement(given as ManagementEnv, () => {}),
              configs.management,
            ),
          ],
          ['src/authenticator/wrangler.toml', await refusedByAuthenticator(configs.authenticator)],
        ].filter(([, name]) => name !== null)
        for (const [file, name] of refusals) {
          expect(problems.some((one) => one.startsWith(`${file}: ${name}: `))).toBe(true)
        }
        if (problems.length === 0) seen.accepted += 1
        if (refusals.length > 0) seen.refused += 1
      }),
      { numRuns: 500 },
    )
    // Control: both outcomes occur often enough.
    expect(seen.accepted).toBeGreaterThan(50)
    expect(seen.refused).toBeGreaterThan(100)
  })

  it.each(NAMES)(
    'without the binding %s the registry does not start, and the error names the binding',
    (name) => {
      const given = { ...env, ISSUER: 'https://registry.example', [name]: undefined }
      expect(() => compose(given as unknown as Bindings)).toThrow(
        new RegExp(`^${name}: the [\\w ]+ must be bound$`),
      )
    },
  )
})
