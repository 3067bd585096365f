/** The wrangler commands of `npm run deploy` about operators, with the real wrangler on local storage. */

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Wrangler, wranglerIn } from '../../src/cli/deploy/outside.ts'
import { hexDigest } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import {
  firstOperatorSql,
  isOperatorSql,
  OPERATORS_SO_FAR,
} from '../../src/local/first-operator.ts'
import { CREATE_TABLE, LIST_APPLIED, migrationNames } from '../../src/local/migrations.ts'
import { CONFIG_PATHS, inProject } from '../../src/local/project.ts'
import { openState } from '../../src/local/state.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { temporaryDirectory } from './command-line.ts'

/** The time limit for five runs of wrangler on two busy cores. */

let folder: string
let wrangler: Wrangler

beforeAll(async () => {
  folder = await temporaryDirectory()
  const stateDir = join(folder, 'state')
  await (await openState(stateDir, readWranglerConfig(CONFIG_PATHS.registry))).close()
  // Runs the real wrangler on the local state instead of a deployment.
  const bin = join(folder, 'bin')
  await mkdir(bin)
  const real = inProject('node_modules/.bin/wrangler')
  const script = `#!/bin/bash\nexec '${real}' "\${@/#--remote/--local}" --persist-to '${stateDir}'\n`
  await writeFile(join(bin, 'wrangler'), script)
  await chmod(join(bin, 'wrangler'), 0o755)
  const silent = { write: () => true }
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  wrangler = wranglerIn(env, { stdout: silent, stderr: silent })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('the real wrangler lists the migrations that are applied', async () => {
  const [, applied = []] = await wrangler.query(`${CREATE_TABLE};\n${LIST_APPLIED}`)
  const known = migrationNames(inProject('migrations'))
  expect(applied.map(({ name }) => name)).toEqual(known)
})

it('the real wrangler creates the operator, counts it, compares its secret, and prints the error of a statement that fails', async () => {
  const digests = await Promise.all([1, 2].map(() => hexDigest(mintToken('clientSecret'))))
  const [operator, other] = digests.map((secretDigest) => ({
    clientId: "registry-operator-o'neill",
    secretDigest,
  })) as [Operator, Operator]
  const soFar = async () =>
    (
      await wrangler.query(
        `${OPERATORS_SO_FAR};\n${isOperatorSql(operator)}${isOperatorSql(other)}`,
      )
    ).flat()
  expect(await soFar()).toEqual([
    { operators: 0, has_command_line: 0 },
    { is_operator: 0 },
    { is_operator: 0 },
  ])
  const now = Math.floor(Date.now() / 1000)
  const sql = firstOperatorSql({ operator, commandLine: true, now })
  await wrangler.query(sql)
  const made = [
    { operators: 1, has_command_line: 1 },
    { is_operator: 1 },
    // Control: the same client with another secret.
    { is_operator: 0 },
  ]
  expect(await soFar()).toEqual(made)
  // The statements are one transaction, so the second client is not created either.
  await expect(
    wrangler.query(firstOperatorSql({ operator: other, commandLine: true, now })),
  ).rejects.toThrow(/^wrangler d1 execute DB failed: UNIQUE constraint failed: client\.client_id/)
  expect(await soFar()).toEqual(made)
})

type Operator = Parameters<typeof isOperatorSql>[0]
