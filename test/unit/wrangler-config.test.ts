/** How `npm start`, the command line and the deployment read wrangler.toml. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CRON_INTERVAL_SECONDS } from '../../src/domain/revocation.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'

describe('wrangler.toml', () => {
  const directory = mkdtempSync(join(tmpdir(), 'registry-config-'))
  afterAll(() => rmSync(directory, { recursive: true }))

  it("the project's wrangler.toml files bind what the workers need, and share one session namespace", () => {
    const registry = readWranglerConfig(CONFIG_PATHS.registry)
    const authenticator = readWranglerConfig(CONFIG_PATHS.authenticator)
    const bindings = (config: typeof registry) =>
      [...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding)
    expect(bindings(registry)).toEqual(['DB', 'SESSIONS', 'CODES'])
    expect(bindings(authenticator)).toContain('SESSIONS')
    expect(bindings(authenticator)).not.toContain('CODES')
    const sessionsOf = ({ kv_namespaces }: typeof registry) =>
      kv_namespaces.find(({ binding }) => binding === 'SESSIONS')?.id
    expect(sessionsOf(registry)).toBeDefined()
    expect(sessionsOf(authenticator)).toBe(sessionsOf(registry))
    expect(registry.compatibility_date).toBe(authenticator.compatibility_date)
  })

  it('the wrangler.toml of the registry runs cron every minute, as the repair of a lost revocation requires', () => {
    expect(CRON_INTERVAL_SECONDS).toBe(60)
    expect(readFileSync(CONFIG_PATHS.registry, 'utf8')).toContain('crons = ["* * * * *"]')
  })

  it('the error for an invalid wrangler.toml names the invalid key', () => {
    const path = join(directory, 'wrangler.toml')
    writeFileSync(path, 'name = "x"\nmain = "m.ts"\ncompatibility_date = 20260801\n')
    expect(() => readWranglerConfig(path)).toThrow(/wrangler\.toml: compatibility_date: /)
  })

  it.each([
    ['a = ', ':1: invalid value'],
    ['\na = 1\na = 2', ':3: trying to redefine an already defined table or value'],
  ])(
    'a wrangler.toml that is not TOML (%j) is refused in one line with its position',
    (text, problem) => {
      const path = join(directory, 'wrangler.toml')
      writeFileSync(path, text)
      const line = new RegExp(`wrangler\\.toml${problem}$`)
      expect(() => readWranglerConfig(path)).toThrow(line)
    },
  )

  it('a wrangler.toml may hold settings as numbers, which the worker gets as text', () => {
    const path = join(directory, 'wrangler.toml')
    const top = 'name = "x"\nmain = "m.ts"\ncompatibility_date = "2026-08-01"\n'
    writeFileSync(path, `${top}[vars]\nCLIENT_CACHE_SECONDS = 0\nFLAG = true\n`)
    expect(readWranglerConfig(path).vars).toEqual({ CLIENT_CACHE_SECONDS: '0', FLAG: 'true' })
  })
})
