/** Options that npm keeps for itself where `--` is missing: no command then does something else than was asked. */

import { describe, expect, it } from 'vitest'
import { deploy } from '../../src/cli/deploy/deploy.ts'
import { run } from '../../src/cli/main.ts'
import { collected } from '../node/collected.ts'

const STATE_DIR = '/nowhere/that-exists'

async function admin(argv: readonly string[], env: Record<string, string>) {
  const { written, ...io } = collected()
  const status = await run(argv, { ...io, stdin: (async function* () {})(), env })
  return { status, ...written }
}

async function deployed(argv: readonly string[], env: Record<string, string>) {
  const { written, ...io } = collected()
  const stdin = (async function* () {})()
  return { status: await deploy(argv, { ...io, stdin, env, askOperator: null }), ...written }
}

describe('npm run admin without --', () => {
  it.each([
    ['--remote', ['client', 'disable', 'a'], { npm_config_remote: 'true' }],
    ['--dry-run', ['import', 'arxiv', 'a.sql'], { npm_config_dry_run: 'true' }],
    ['--check', ['apply', 'a.yaml'], { npm_config_check: 'true' }],
    ['--prune', ['apply', 'a.yaml'], { npm_config_prune: 'true' }],
    ['--requested-only', ['client', 'create'], { npm_config_requested_only: 'true' }],
    ['--overlap-seconds', ['client', 'rotate-secret', 'a'], { npm_config_overlap_seconds: '60' }],
  ])(
    'a command whose %s npm has kept does nothing and says where to write --',
    async (option, argv, kept) => {
      const { status, stdout, stderr } = await admin(argv, { STATE_DIR, ...kept })
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toBe(
        `error: npm has kept ${option} for itself: write -- before the words of the command, as in npm run --silent admin -- client list --remote\n`,
      )
    },
  )

  it('control: an option that npm has not kept, or that the command has too, is no reason to refuse', async () => {
    for (const [argv, env] of [
      [['client', 'create', '--help'], { npm_config_remote: '' }],
      [['client', 'create', '--remote', '--help'], { npm_config_remote: 'true' }],
    ] as const) {
      expect(await admin(argv, { STATE_DIR, ...env })).toMatchObject({ status: 0, stderr: '' })
    }
  })
})

describe('npm run deploy without --', () => {
  it.each([
    ['--dry-run', [], { npm_config_dry_run: 'true' }],
    ['--new-operator', [], { npm_config_new_operator: 'true' }],
    ['--issuer', ['https://auth.example.org'], { npm_config_issuer: 'true' }],
    ['--account', [], { npm_config_account: 'account-1' }],
  ])('npm run deploy deploys nothing if npm has kept its %s', async (option, argv, kept) => {
    const { status, stdout, stderr } = await deployed(argv, kept)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toBe(
      `error: npm has kept ${option} for itself: write -- before the words of the command, as in npm run deploy -- --dry-run\n` +
        'npm run deploy -- --help lists the options.\n',
    )
  })

  it('an option that npm run deploy does not know is refused with where its options are listed', async () => {
    expect(await deployed(['--isuer', 'https://auth.example.org'], {})).toEqual({
      status: 2,
      stdout: '',
      stderr: "error: Unknown option '--isuer'\nnpm run deploy -- --help lists the options.\n",
    })
  })

  it('control: npm run deploy -- --dry-run prints the steps', async () => {
    const answer = await deployed(['--dry-run'], { npm_config_dry_run: 'true' })
    expect(answer).toMatchObject({ status: 0, stderr: '' })
    expect(answer.stdout).toMatch(/^sign-in /)
  })
})
