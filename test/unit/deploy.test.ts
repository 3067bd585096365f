/** The configurations that `npm run deploy` accepts and refuses. */

import { describe, expect, it } from 'vitest'
import {
  type Configs,
  configurationProblems,
  deployProblems,
  readConfigs,
  withVars,
} from '../../src/local/deploy-problems.ts'
import type { WranglerConfig } from '../../src/local/wrangler-config.ts'
import { CONFIGS, withoutBinding } from './configs.ts'

const REGISTRY_FILE = 'wrangler.toml'
const MANAGEMENT_FILE = 'src/management/wrangler.toml'
const AUTHENTICATOR_FILE = 'src/authenticator/wrangler.toml'

const withVarsIn = (config: WranglerConfig, vars: WranglerConfig['vars']) => ({
  ...config,
  vars: { ...config.vars, ...vars },
})
const all = (change: (config: WranglerConfig) => WranglerConfig): Configs => ({
  registry: change(CONFIGS.registry),
  management: change(CONFIGS.management),
  authenticator: change(CONFIGS.authenticator),
})

/** The settings that the registry and management share. */
const withRegistryVars = (vars: WranglerConfig['vars']): Configs => ({
  ...CONFIGS,
  registry: withVarsIn(CONFIGS.registry, vars),
  management: withVarsIn(CONFIGS.management, vars),
})

describe('npm run deploy', () => {
  it('npm run deploy accepts configurations that have the same values filled in', () => {
    expect(deployProblems(CONFIGS)).toEqual([])
  })

  it('npm run deploy refuses the unchanged repository, with a line for every value to fill in', () => {
    const problems = deployProblems(readConfigs())
    expect(problems).toEqual([
      'wrangler.toml: ISSUER is http://127.0.0.1:8787, an address of this machine',
      'wrangler.toml: the id of DB is a placeholder',
      'wrangler.toml: the id of SESSIONS is a placeholder',
      'wrangler.toml: the id of CODES is a placeholder',
      'src/management/wrangler.toml: ISSUER is http://127.0.0.1:8787, an address of this machine',
      'src/management/wrangler.toml: the id of DB is a placeholder',
      'src/management/wrangler.toml: the id of SESSIONS is a placeholder',
      'src/authenticator/wrangler.toml: ISSUER is http://127.0.0.1:8787, an address of this machine',
      'src/authenticator/wrangler.toml: the id of SESSIONS is a placeholder',
    ])
  })

  it.each([
    ['https://localhost', 'ISSUER is https://localhost, an address of this machine'],
    ['http://[::1]:8787', 'ISSUER is http://[::1]:8787, an address of this machine'],
    [
      'http://registry.example',
      'ISSUER: must be an https origin, or http on a loopback address, without a path',
    ],
    [
      'https://registry.example/',
      'ISSUER: must be an https origin, or http on a loopback address, without a path',
    ],
    ['', 'ISSUER: must be set'],
  ])('npm run deploy refuses the issuer %j', (issuer, problem) => {
    expect(deployProblems(all((config) => withVarsIn(config, { ISSUER: issuer })))).toEqual([
      `${REGISTRY_FILE}: ${problem}`,
      `${MANAGEMENT_FILE}: ${problem}`,
      `${AUTHENTICATOR_FILE}: ${problem}`,
    ])
  })

  it('npm run deploy refuses configurations without an issuer', () => {
    expect(deployProblems(all((config) => ({ ...config, vars: {} })))).toEqual([
      `${REGISTRY_FILE}: ISSUER: must be set`,
      `${MANAGEMENT_FILE}: ISSUER: must be set`,
      `${AUTHENTICATOR_FILE}: ISSUER: must be set`,
    ])
  })

  it('npm run deploy refuses two different issuers and two different session namespaces', () => {
    const other = withVarsIn(CONFIGS.authenticator, { ISSUER: 'https://other.example' })
    expect(deployProblems({ ...CONFIGS, authenticator: other })).toEqual([
      `ISSUER differs between ${REGISTRY_FILE} and ${AUTHENTICATOR_FILE}`,
    ])
    const elsewhere = {
      ...CONFIGS.authenticator,
      kv_namespaces: [{ binding: 'SESSIONS', id: 'another-id' }],
    }
    expect(deployProblems({ ...CONFIGS, authenticator: elsewhere })).toEqual([
      `the id of SESSIONS differs between ${REGISTRY_FILE} and ${AUTHENTICATOR_FILE}`,
    ])
  })

  it.each([
    ['DB', 'D1 database'],
    ['SESSIONS', 'KV namespace'],
    ['CODES', 'KV namespace'],
    ['LOGIN_LIMIT', 'rate limit'],
    ['REFUSAL_LIMIT', 'rate limit'],
  ])('npm run deploy refuses a registry without %s', (name, kind) => {
    expect(
      deployProblems({ ...CONFIGS, registry: withoutBinding(CONFIGS.registry, name) }),
    ).toEqual([`${REGISTRY_FILE}: ${name}: the ${kind} must be bound`])
  })

  it('npm run deploy refuses a variable that has the name of a binding', () => {
    const registry = withVarsIn(withoutBinding(CONFIGS.registry, 'CODES'), { CODES: 'CODES-id' })
    expect(deployProblems({ ...CONFIGS, registry })).toContain(
      `${REGISTRY_FILE}: CODES: the KV namespace must be bound`,
    )
  })

  it('npm run deploy refuses an authenticator without SESSIONS', () => {
    const authenticator = withoutBinding(CONFIGS.authenticator, 'SESSIONS')
    expect(deployProblems({ ...CONFIGS, authenticator })).toEqual([
      `${AUTHENTICATOR_FILE}: SESSIONS: the KV namespace must be bound`,
    ])
  })

  it.each([[[]], [['0 * * * *']]])(
    'npm run deploy refuses a registry with the crons %j',
    (crons) => {
      const registry = { ...CONFIGS.registry, triggers: { crons } }
      expect(deployProblems({ ...CONFIGS, registry })).toEqual([
        `${REGISTRY_FILE}: triggers.crons must have "* * * * *"`,
      ])
    },
  )

  it('npm run deploy refuses a bad setting with the error sentence of the worker that reads it', () => {
    const vars = { STORAGE_TIMEOUT_SECONDS: '0', AUDIT_KEEP_DAYS: '' }
    const problem = 'STORAGE_TIMEOUT_SECONDS: must be a whole number from 1 to 30'
    expect(deployProblems(withRegistryVars(vars))).toEqual([
      `${REGISTRY_FILE}: ${problem}`,
      `${MANAGEMENT_FILE}: ${problem}`,
    ])
    expect(
      deployProblems({
        ...CONFIGS,
        authenticator: withVarsIn(CONFIGS.authenticator, { STORAGE_TIMEOUT_SECONDS: '31' }),
      }),
    ).toEqual([`${AUTHENTICATOR_FILE}: ${problem}`])
  })

  it('npm run deploy refuses a setting that differs between the registry and management', () => {
    const management = withVarsIn(CONFIGS.management, { SESSION_LIFETIME_SECONDS: '3600' })
    expect(deployProblems({ ...CONFIGS, management })).toEqual([
      `SESSION_LIFETIME_SECONDS differs between ${REGISTRY_FILE} and ${MANAGEMENT_FILE}`,
    ])
    const vars = { STORAGE_TIMEOUT_SECONDS: '7' }
    const authenticator = withVarsIn(CONFIGS.authenticator, vars)
    expect(deployProblems({ ...CONFIGS, authenticator })).toEqual([])
  })

  it('npm run deploy refuses another database for management, and a registry that forwards to another worker', () => {
    const management = {
      ...CONFIGS.management,
      name: 'administration',
      d1_databases: CONFIGS.management.d1_databases.map((d1) => ({ ...d1, database_id: 'other' })),
    }
    expect(deployProblems({ ...CONFIGS, management })).toEqual([
      `the id of DB differs between ${REGISTRY_FILE} and ${MANAGEMENT_FILE}`,
      `${REGISTRY_FILE}: MANAGEMENT is bound to management, but ${MANAGEMENT_FILE} names administration`,
    ])
  })

  it.each([
    ['DB', 'D1 database'],
    ['SESSIONS', 'KV namespace'],
    ['REFUSAL_LIMIT', 'rate limit'],
  ])('npm run deploy refuses management without %s', (name, kind) => {
    expect(
      deployProblems({ ...CONFIGS, management: withoutBinding(CONFIGS.management, name) }),
    ).toEqual([`${MANAGEMENT_FILE}: ${name}: the ${kind} must be bound`])
  })

  it('npm run deploy refuses two settings that would redirect users in a loop', () => {
    const vars = { LOGIN_URL: 'https://registry.example/login' }
    const problem = 'LOGIN_URL: must be another page than /login of the registry itself'
    expect(deployProblems(withRegistryVars(vars))).toEqual([
      `${REGISTRY_FILE}: ${problem}`,
      `${MANAGEMENT_FILE}: ${problem}`,
    ])
  })

  it('npm run deploy refuses a setting that no worker reads, because its name is misspelt or it is in the wrong file', () => {
    const vars = { SESSION_LIFETIME_SECONDS: '3600' }
    const authenticator = withVarsIn(CONFIGS.authenticator, vars)
    expect(deployProblems({ ...CONFIGS, authenticator })).toEqual([
      `${AUTHENTICATOR_FILE}: SESSION_LIFETIME_SECONDS is not a setting of the authenticator`,
    ])
    const registry = withVarsIn(CONFIGS.registry, { SESSION_LIFETIME: '3600' })
    expect(deployProblems({ ...CONFIGS, registry })).toEqual([
      `${REGISTRY_FILE}: SESSION_LIFETIME is not a setting of the registry`,
    ])
    expect(deployProblems(withRegistryVars(vars))).toEqual([])
  })

  it.each(['JWT_SECRET', 'PROXY_SECRET'])(
    'npm run deploy refuses %s in [vars], where the dashboard would show it, and does not repeat its value',
    (name) => {
      const value = 'kR7vQ2mZ9xLw4tYb8nHc3sJd6fGp1aEu'
      const authenticator = withVarsIn(CONFIGS.authenticator, { [name]: value })
      const problems = deployProblems({ ...CONFIGS, authenticator })
      expect(problems).toEqual([
        `${AUTHENTICATOR_FILE}: ${name} must be a secret (wrangler secret put), not in [vars]`,
      ])
    },
  )

  it.each([true, undefined])(
    'npm run deploy refuses workers with workers_dev = %s, which workers.dev would make public',
    (value) => {
      const problems = deployProblems(
        all(({ workers_dev, ...config }) =>
          value === undefined ? config : { ...config, workers_dev: value },
        ),
      )
      expect(problems).toEqual([
        `${REGISTRY_FILE}: workers_dev must be false`,
        `${MANAGEMENT_FILE}: workers_dev must be false`,
        `${AUTHENTICATOR_FILE}: workers_dev must be false`,
      ])
    },
  )

  it('npm run deploy refuses a management worker that could fetch from private networks', () => {
    const management = { ...CONFIGS.management, compatibility_flags: ['nodejs_compat'] }
    expect(deployProblems({ ...CONFIGS, management })).toEqual([
      `${MANAGEMENT_FILE}: compatibility_flags must have global_fetch_strictly_public`,
    ])
  })

  it('npm run deploy refuses routes of the management worker, because the registry forwards to it', () => {
    const routes = ['admin.example.org/*']
    const management = { ...CONFIGS.management, routes }
    const problem = `${MANAGEMENT_FILE}: there must be no routes: the registry forwards to it`
    expect(deployProblems({ ...CONFIGS, management })).toEqual([problem])
    const route = { ...CONFIGS.management, route: 'admin.example.org/*' }
    expect(deployProblems({ ...CONFIGS, management: route })).toEqual([problem])
    // Control: another worker may have routes.
    const authenticator = { ...CONFIGS.authenticator, routes }
    expect(deployProblems({ ...CONFIGS, authenticator })).toEqual([])
  })
})

it('npm start checks the settings of both workers as npm run deploy does, and its environment overrides the two files', () => {
  const authenticator = withVarsIn(CONFIGS.authenticator, { STORAGE_TIMEOUT_SECONDS: '31' })
  const local = (vars: WranglerConfig['vars']) =>
    configurationProblems(withVars({ ...CONFIGS, authenticator }, vars))
  expect(local({ ISSUER: 'http://127.0.0.1:8787' })).toEqual([
    `${AUTHENTICATOR_FILE}: STORAGE_TIMEOUT_SECONDS: must be a whole number from 1 to 30`,
  ])
  expect(local({ STORAGE_TIMEOUT_SECONDS: '30' })).toEqual([])
})
