/** wrangler.toml, as `npm start`, the command line and the deployment read it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { AUTHENTICATOR_CONFIG, REGISTRY_CONFIG } from '../../src/operate/project.ts'
import { readWranglerConfig } from '../../src/operate/wrangler-config.ts'
import { parseToml } from '../../src/operate/wrangler-toml.ts'

const parse = (text: string) => parseToml(text, 'wrangler.toml')

describe('the TOML that wrangler.toml is written in', () => {
  it('is read: comments, strings, numbers, arrays, tables, arrays of tables', () => {
    const text = String.raw`
      # a comment
      name = "registry"   # another
      'quoted key' = 'C:\no\escapes # and no comment'
      escaped = "a \"quote\", a \u00e9 and a\ttab"
      a.b = -1_000
      rate = 0.5
      on = true
      flags = [ "a", 'b',   # in between
        "c", ]
      empty = []
      inline = { limit = 30, nested = { period = 60 } }
      [env.production]
      routes = [{ pattern = "a.example", custom_domain = true }]
      [[kv]]
      id = "1"
      [[kv]]
      id = "2"
      [kv.more]
      x = 1
    `
    expect(parse(text)).toEqual({
      name: 'registry',
      'quoted key': String.raw`C:\no\escapes # and no comment`,
      escaped: 'a "quote", a é and a\ttab',
      a: { b: -1000 },
      rate: 0.5,
      on: true,
      flags: ['a', 'b', 'c'],
      empty: [],
      inline: { limit: 30, nested: { period: 60 } },
      env: { production: { routes: [{ pattern: 'a.example', custom_domain: true }] } },
      kv: [{ id: '1' }, { id: '2', more: { x: 1 } }],
    })
  })

  it('is read with the line ends of Windows, and without the last one', () => {
    expect(parse('a = 1\r\n\r\n[t] # here\r\nb = "2"')).toEqual({ a: 1, t: { b: '2' } })
    expect(parse('')).toEqual({})
  })

  it.each([
    ['a = ', 'wrangler.toml:1: expected a string, a number'],
    ['\na', 'wrangler.toml:2: expected ='],
    ['a = 1 b = 2', 'wrangler.toml:1: expected the end of the line'],
    ['a = "open', 'wrangler.toml:1: expected a string, a number'],
    ['a = """long"""', 'wrangler.toml:1: expected a string, a number'],
    ['a = 2026-01-01', 'wrangler.toml:1: expected a string, a number'],
    ['a = yes', 'wrangler.toml:1: expected a string, a number'],
    ['a = "\\q"', 'wrangler.toml:1: expected a string with the escapes of JSON'],
    ['a = [1 2]', 'wrangler.toml:1: expected a comma or the end of the array'],
    ['a = { b = 1 c = 2 }', 'wrangler.toml:1: expected a comma or the end of the table'],
    ['a = [', 'wrangler.toml:1: expected a string, a number'],
    ['a = 1\na = 2', 'wrangler.toml:2: a is there twice'],
    ['a = 1\n[a]', 'wrangler.toml:2: a is not a table'],
    ['[a]\n[[a]]', 'wrangler.toml:2: a is not an array of tables'],
    ['[a', 'wrangler.toml:1: expected ]'],
    ['[[a]', 'wrangler.toml:1: expected ]]'],
  ])('%j is refused with its line', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})

describe('a wrangler.toml', () => {
  const directory = mkdtempSync(join(tmpdir(), 'registry-config-'))
  afterAll(() => rmSync(directory, { recursive: true }))

  it('of the project holds what the workers need, on one and the same store of sessions', () => {
    const registry = readWranglerConfig(REGISTRY_CONFIG)
    const authenticator = readWranglerConfig(AUTHENTICATOR_CONFIG)
    const bindings = (config: typeof registry) =>
      [...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding)
    expect(bindings(registry)).toEqual(['DB', 'SESSIONS', 'CODES'])
    expect(bindings(authenticator)).toContain('SESSIONS')
    expect(bindings(authenticator)).not.toContain('CODES')
    const sessionsOf = (config: typeof registry) =>
      config.kv_namespaces.find(({ binding }) => binding === 'SESSIONS')?.id
    expect(sessionsOf(authenticator)).toBe(sessionsOf(registry))
    expect(registry.compatibility_date).toBe(authenticator.compatibility_date)
  })

  it('is refused with the name of what is wrong in it', () => {
    const path = join(directory, 'wrangler.toml')
    writeFileSync(path, 'name = "x"\nmain = "m.ts"\ncompatibility_date = 20260801\n')
    expect(() => readWranglerConfig(path)).toThrow(/wrangler\.toml: compatibility_date: /)
  })

  it('may hold settings as numbers: they are text for the worker', () => {
    const path = join(directory, 'wrangler.toml')
    const top = 'name = "x"\nmain = "m.ts"\ncompatibility_date = "2026-08-01"\n'
    writeFileSync(path, `${top}[vars]\nCLIENT_CACHE_SECONDS = 0\nFLAG = true\n`)
    expect(readWranglerConfig(path).vars).toEqual({ CLIENT_CACHE_SECONDS: '0', FLAG: 'true' })
  })
})
