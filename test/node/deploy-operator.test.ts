/** The operators that `npm run deploy` creates, with stand-ins for wrangler and Cloudflare. */

import { readFileSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMAND_LINE_ID } from '../../src/local/operators.ts'
import { ACCOUNT } from './deploy-stand-ins.ts'
import {
  cloud,
  expectAdministers,
  expectDeployed,
  operator,
  operatorFile,
  operatorsInDatabase,
  run,
  useAccount,
  WORDS,
} from './deployment.ts'

useAccount()

const SHOWN_FILE = `.wrangler/deployment/${ACCOUNT}/operator.json`
const runAgain = async (...words: string[]) => {
  await cloud.write((account) => {
    account.commands = []
  })
  return run(words)
}
let kept: (readonly [path: string, text: string])[] = []
/** A deployment with one operator, whose credential is in the file. Only the first call makes all steps. */
async function deployed() {
  if (kept.length === 0) {
    await expectDeployed(await run(WORDS))
    const paths = [...Object.values(cloud.files), join(cloud.folder, 'account.json')]
    kept = paths.map((path) => [path, readFileSync(path, 'utf8')] as const)
    return
  }
  for (const [path, text] of kept) await writeFile(path, text)
  expect(await run(['--new-operator'])).toMatchObject({ status: 0, stderr: '' })
}

const numberOfOperators = () => operatorsInDatabase().filter((id) => id !== COMMAND_LINE_ID).length

describe('the first operator', () => {
  it('npm run deploy creates an operator who may administer, and writes the credential to a file that only its owner can read', async () => {
    const { stdout } = await run(WORDS)
    expect(operatorsInDatabase()).toEqual([operator().client_id, COMMAND_LINE_ID])
    expect(operator().client_id).toMatch(/^registry-operator-./)
    expect(statSync(operatorFile()).mode & 0o777).toBe(0o600)
    await expectAdministers()
    expect(stdout).toMatch(
      new RegExp(
        `^operator +${operator().client_id} made; its credential is in \\S*${SHOWN_FILE}$`,
        'm',
      ),
    )
  })

  it('npm run deploy gives wrangler only the digest of the secret, and prints how a program and a person sign in', async () => {
    // Every output, command and file is searched for the secret by `run`.
    const { stdout } = await run(WORDS)
    const [credential] = cloud.rows(
      "SELECT secret_digest FROM client_credential WHERE client_id LIKE 'registry-%'",
    )
    expect(credential?.secret_digest).toMatch(/^[0-9a-f]{64}$/)
    expect(stdout).toMatch(
      new RegExp(
        `^To administer as a program:\n  CREDENTIALS_FILE=\\S*${SHOWN_FILE} npm run --silent admin -- `,
        'm',
      ),
    )
    expect(stdout).toMatch(
      /^To administer as a person,.*:\n {2}CREDENTIALS_FILE=\S+ npm .* user create .* registry:admin --invite\n {2}npm run admin -- login --remote$/m,
    )
  })

  it('npm run deploy in a second run creates no other operator', async () => {
    await deployed()
    const before = operator()
    const again = await runAgain(...WORDS.slice(2))
    expect(again.stdout).toMatch(/^operator +the credential of registry-operator-\S+ in \S+ works/m)
    expect(operator()).toEqual(before)
    // As recommended after the credential was copied to a safe place.
    await rm(operatorFile())
    const later = await runAgain(...WORDS.slice(2))
    expect(later.stdout).toMatch(
      /^operator +1 found; npm run deploy -- --new-operator makes another$/m,
    )
    expect(later.stdout).toContain('CREDENTIALS_FILE=FILE ')
    expect(operatorsInDatabase()).toEqual([before.client_id, COMMAND_LINE_ID])
  })

  it.each([
    ['is disabled', `UPDATE client SET disabled_at = 1 WHERE client_id LIKE 'registry-%'`],
    ['lost its scope', `DELETE FROM client_authorization WHERE client_id LIKE 'registry-op%'`],
    [
      'has no live secret',
      `UPDATE client_credential SET expires_at = 1 WHERE client_id LIKE 'registry-%'`,
    ],
    ['is deleted', `DELETE FROM client WHERE client_id LIKE 'registry-%'`],
  ])('npm run deploy creates another operator when the only one %s', async (_, sql) => {
    await deployed()
    const { client_id } = operator()
    cloud.onDatabase(sql)
    await expectDeployed(await run(WORDS))
    expect(operator().client_id).not.toBe(client_id)
    await expectAdministers()
  })

  it('npm run deploy counts a client of any name as an operator if it can administer without a user', async () => {
    await deployed()
    cloud.onDatabase(
      `PRAGMA defer_foreign_keys = ON; BEGIN; ${[
        'client',
        'client_authorization',
        'client_grant_type',
        'client_credential',
        'client_approval',
      ]
        .map(
          (table) =>
            `UPDATE ${table} SET client_id = 'terraform' WHERE client_id LIKE 'registry-op%'`,
        )
        .join(';')}; COMMIT; DELETE FROM client WHERE client_id LIKE 'registry-%'`,
    )
    const { stdout } = await run(WORDS)
    expect(stdout).toMatch(/^operator +1 found/m)
    expect(operatorsInDatabase()).toEqual([COMMAND_LINE_ID])
    cloud.onDatabase(`DELETE FROM client WHERE client_id = 'terraform'`)
  })

  it('npm run deploy does not overwrite an operator.json that is not a credential', async () => {
    await deployed()
    await writeFile(operatorFile(), '{"client_id": "mine"}')
    const { status, stderr } = await run(WORDS)
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(
        'operator.json is not a credential: it needs client_id and client_secret',
      ),
    ])
    expect(readFileSync(operatorFile(), 'utf8')).toBe('{"client_id": "mine"}')
  })
})

describe('--new-operator', () => {
  it('npm run deploy -- --new-operator only creates another operator, and keeps the first', async () => {
    await deployed()
    const { workers } = await cloud.read()
    const first = operator()
    await rm(operatorFile())
    const { status, stdout, stderr } = await runAgain('--new-operator')
    expect([status, stderr]).toEqual([0, ''])
    const { commands, workers: after } = await cloud.read()
    expect(commands).toEqual([
      'auth token --json',
      'd1 execute DB --remote --json --command SELECT',
      'd1 execute DB --remote --json --command INSERT',
    ])
    expect(after).toEqual(workers)
    expect(stdout).toContain('To administer as a person, make a user')
    expect(stdout).not.toContain('Deployed.')
    expect(operator().client_id).not.toBe(first.client_id)
    expect(operatorsInDatabase()).toContain(first.client_id)
    expect(numberOfOperators()).toBe(2)
    await expectAdministers()
  })

  it('npm run deploy -- --new-operator creates an operator only if the credential in its file is not valid', async () => {
    await deployed()
    const first = operator()
    const { status, stdout } = await runAgain('--new-operator')
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining(', so none is made: move the file away first'),
    ])
    expect(operator()).toEqual(first)
    expect(numberOfOperators()).toBe(1)
    // Another operator rotates the secret.
    cloud.onDatabase(
      `UPDATE client_credential SET secret_digest = 'other' WHERE client_id LIKE 'registry-op%'`,
    )
    await runAgain('--new-operator')
    expect(numberOfOperators()).toBe(2)
    await expectAdministers()
  })

  it.each([false, true])(
    'npm run deploy -- --new-operator creates one operator in a second run after wrangler failed (after its work: %s)',
    async (failsAfterwards) => {
      await deployed()
      await rm(operatorFile())
      const failing = 'd1 execute DB --remote --json --command INSERT'
      await cloud.write((account) => Object.assign(account, { failing, failsAfterwards }))
      const { status, stderr } = await run(['--new-operator'])
      expect([status, stderr.split('\n')]).toEqual([
        1,
        [
          `error: operator: wrangler d1 execute DB failed: ${failsAfterwards ? 'the answer was lost' : 'out of order'}`,
          'What was made so far is kept. Run the same command again to continue from here.',
          '',
        ],
      ])
      await cloud.write((account) => {
        account.failing = null
      })
      expect((await run(['--new-operator'])).status).toBe(0)
      expect(numberOfOperators()).toBe(2)
      await expectAdministers()
    },
  )

  it('npm run deploy -- --new-operator is refused without a deployment', async () => {
    const { status, stderr } = await run(['--new-operator'])
    expect([status, stderr.split('\n')[0]]).toEqual([
      1,
      'error: operator: there is no deployment yet: npm run deploy makes one with an operator',
    ])
    expect(operatorsInDatabase()).toEqual([])
  })
})
