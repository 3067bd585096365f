/** What `npm run deploy` refuses to deploy. */

import { describe, expect, it } from 'vitest'
import { deploy, deployProblems } from '../../src/operate/deploy.ts'
import { AUTHENTICATOR_CONFIG, REGISTRY_CONFIG } from '../../src/operate/project.ts'
import { readWranglerConfig, type WranglerConfig } from '../../src/operate/wrangler-config.ts'
import { readFilledIn } from './filled-in.ts'

const registry = readFilledIn(REGISTRY_CONFIG)
const authenticator = readFilledIn(AUTHENTICATOR_CONFIG)
const withIssuer = (config: WranglerConfig, issuer: string) => ({
  ...config,
  vars: { ISSUER: issuer },
})

describe('npm run deploy', () => {
  it('has nothing against two configurations that are filled in alike', () => {
    expect(deployProblems(registry, authenticator)).toEqual([])
  })

  it('refuses the repository as it comes, with a line for everything to fill in', () => {
    const [first, second] = [REGISTRY_CONFIG, AUTHENTICATOR_CONFIG].map(readWranglerConfig)
    const problems = deployProblems(first as WranglerConfig, second as WranglerConfig)
    for (const expected of [
      'wrangler.toml: ISSUER is http://127.0.0.1:8787, an address of this machine',
      'wrangler.toml: the id of DB is a placeholder',
      'wrangler.toml: the id of SESSIONS is a placeholder',
      'wrangler.toml: the id of CODES is a placeholder',
      'src/authenticator/wrangler.toml: the id of SESSIONS is a placeholder',
    ]) {
      expect(problems).toContain(expected)
    }
  })

  it.each([
    ['https://localhost', 'wrangler.toml: ISSUER is https://localhost, an address of this machine'],
    ['http://registry.example', 'wrangler.toml: ISSUER must be https'],
    ['', 'wrangler.toml: ISSUER must be set to the origin that users see'],
  ])('refuses the issuer %j', (issuer, problem) => {
    const problems = deployProblems(withIssuer(registry, issuer), withIssuer(authenticator, issuer))
    expect(problems).toContain(problem)
    expect(problems).toContain(`src/authenticator/${problem}`)
  })

  it('refuses two issuers, and two stores of sessions', () => {
    expect(deployProblems(registry, withIssuer(authenticator, 'https://other.example'))).toEqual([
      'ISSUER differs between the two wrangler.toml',
    ])
    const other = { ...authenticator, kv_namespaces: [{ binding: 'SESSIONS', id: 'another-id' }] }
    expect(deployProblems(registry, other)).toEqual([
      'the id of SESSIONS differs between the two wrangler.toml',
    ])
  })

  it('migrates first, then deploys the registry, then the authenticator', () => {
    const run: string[] = []
    deploy((words) => {
      run.push(words.join(' '))
      return 0
    })
    expect(run).toEqual([
      'd1 migrations apply DB --remote',
      'deploy',
      'deploy --config src/authenticator/wrangler.toml',
    ])
  })

  it.each([0, 1, 2])('stops when step %i fails', (failing) => {
    let steps = 0
    expect(() => deploy(() => (steps++ === failing ? 1 : 0))).toThrow('nothing after it was done')
    expect(steps).toBe(failing + 1)
  })
})
