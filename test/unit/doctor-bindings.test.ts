/** The doctor's check of the wrangler.toml files. */

import { describe, expect, it } from 'vitest'
import { type Check, type Examined, look } from '../../src/cli/doctor/check.ts'
import { DEPLOYMENT_CHECKS } from '../../src/cli/doctor/deployment-checks.ts'
import { type Configs, readConfigs } from '../../src/local/deploy-problems.ts'
import type { WranglerConfig } from '../../src/local/wrangler-config.ts'
import { CONFIGS, withoutBinding } from './configs.ts'

const BINDINGS = DEPLOYMENT_CHECKS.find(({ name }) => name === 'bindings') as Check

const found = (configs: Configs, isDeployed = true) =>
  look(BINDINGS, { ...configs, isDeployed } as Examined)
const elsewhere = (config: WranglerConfig): WranglerConfig => ({
  ...config,
  kv_namespaces: [{ binding: 'SESSIONS', id: 'another-id' }],
})

describe('the bindings check of the doctor', () => {
  it('the bindings check is ok when the configurations have the same values filled in', async () => {
    expect(await found(CONFIGS)).toMatchObject({ check: 'bindings', state: 'ok' })
  })

  it.each(['DB', 'SESSIONS', 'CODES', 'LOGIN_LIMIT', 'REFUSAL_LIMIT'])(
    'the bindings check fails when the registry does not bind %s',
    async (name) => {
      const both = { ...CONFIGS, registry: withoutBinding(CONFIGS.registry, name) }
      const finding = await found(both)
      expect(finding.state).toBe('FAIL')
      expect(finding.seen).toMatch(
        new RegExp(`^wrangler.toml: ${name}: the [\\w ]+ must be bound$`),
      )
    },
  )

  it.each<[string, string[], Configs]>([
    [
      'the authenticator does not bind SESSIONS',
      ['src/authenticator/wrangler.toml: SESSIONS: the KV namespace must be bound'],
      { ...CONFIGS, authenticator: withoutBinding(CONFIGS.authenticator, 'SESSIONS') },
    ],
    [
      'there are two stores of sessions',
      ['the id of SESSIONS differs between wrangler.toml and src/authenticator/wrangler.toml'],
      { ...CONFIGS, authenticator: elsewhere(CONFIGS.authenticator) },
    ],
    [
      'there is no cron',
      ['wrangler.toml: triggers.crons must have "* * * * *"'],
      { ...CONFIGS, registry: { ...CONFIGS.registry, triggers: { crons: [] } } },
    ],
    [
      'deploying would be refused',
      ['ISSUER differs between wrangler.toml and src/authenticator/wrangler.toml'],
      {
        ...CONFIGS,
        authenticator: { ...CONFIGS.authenticator, vars: { ISSUER: 'https://other.example' } },
      },
    ],
  ])('the bindings check fails when %s, and names no other problem', async (_, problems, both) => {
    const finding = await found(both)
    expect(finding).toMatchObject({
      state: 'FAIL',
      toDo: expect.stringContaining('npm run deploy'),
    })
    expect(finding.seen.split('; ')).toEqual(problems)
  })

  it('the bindings check reports a bad setting with the error sentence of the worker, deployed or local', async () => {
    const vars = { ...CONFIGS.registry.vars, CODE_LIFETIME_SECONDS: '59' }
    const both = { ...CONFIGS, registry: { ...CONFIGS.registry, vars } }
    for (const isDeployed of [true, false]) {
      expect(await found(both, isDeployed)).toMatchObject({
        state: 'FAIL',
        seen: expect.stringMatching(
          /^wrangler.toml: CODE_LIFETIME_SECONDS: must be a whole number from 60 to 3600/,
        ),
      })
    }
  })

  it('the bindings check of a local registry does not require what only a deployment needs', async () => {
    const asItComes = readConfigs()
    expect((await found(asItComes, false)).state).toBe('ok')
    expect((await found(asItComes, true)).state).toBe('FAIL')
  })
})
