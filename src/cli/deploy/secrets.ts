/** The secrets that a deployment makes, in private files: those of the Workers, and the credential of the first operator. */

import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { hexDigest } from '../../crypto/digest.ts'
import { createKeys, formatKeys } from '../../crypto/key-rotation.ts'
import { randomId, randomText } from '../../crypto/random.ts'
import { mintToken } from '../../crypto/token.ts'
import { newWebhookSecret } from '../../crypto/webhook-signature.ts'
import { isPlaceholder, readConfigs } from '../../local/deploy-problems.ts'
import { readIfPresent, writePrivateFile } from '../../local/files.ts'
import { firstOperatorSql, isOperatorSql, OPERATORS_SO_FAR } from '../../local/first-operator.ts'
import {
  OPERATOR_ID,
  type OperatorCredential,
  readCredential,
  writeCredential,
} from '../../local/operators.ts'
import { DEPLOYED_SECRETS } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import { checkSecrets, type GivenSecrets } from '../../local/settings.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import { ALL_SECRET_NAMES, type SecretName } from '../../secrets.ts'
import { epochSeconds } from '../tokens.ts'
import type { Io } from '../verb.ts'
import type { Deployment, Row, Wrangler } from './outside.ts'

const OWNER_ONLY = 0o700

/** The files belong to one account, because the deployment of another account has other secrets. */
type SecretFiles = Readonly<{ accountId: string }>

const folderOf = ({ accountId }: SecretFiles) => join(DEPLOYED_SECRETS, accountId)
const fileOf = (files: SecretFiles, name: SecretName) => join(folderOf(files), name)
export const operatorFile = (files: SecretFiles) => join(folderOf(files), 'operator.json')
/** A path in the form in which it can be typed. */
export const shownPath = (path: string) => relative(process.cwd(), path)

const makeFolder = (files: SecretFiles) =>
  mkdir(folderOf(files), { recursive: true, mode: OWNER_ONLY })

/** The existing files that a run made, as paths from the working directory. */
export async function shownFiles(files: SecretFiles): Promise<string[]> {
  const paths = ALL_SECRET_NAMES.map((name) => fileOf(files, name))
  const texts = await Promise.all(paths.map(readIfPresent))
  return paths.filter((_, i) => texts[i] !== null).map(shownPath)
}

type Known = Readonly<{ env: Io['env']; api: SecretFiles }>

/** The secret from the environment, or from the file of an earlier run; null if there is neither. */
export const knownSecret = async ({ env, api }: Known, name: SecretName): Promise<string | null> =>
  env[name] || (await readIfPresent(fileOf(api, name)))

async function newSecret(name: SecretName): Promise<string> {
  if (name === 'WEBHOOK_SECRET') return newWebhookSecret()
  return name === 'SIGNING_KEYS' || name === 'AUTHENTICATOR_KEYS'
    ? formatKeys(await createKeys('ES256', epochSeconds()))
    : randomText()
}

/** A new secret is first written to its file, so that an interrupted run does not lose it. */
export async function secretFor(known: Known, name: SecretName): Promise<string> {
  const present = await knownSecret(known, name)
  if (present !== null) return present
  const secret = await newSecret(name)
  await makeFolder(known.api)
  await writePrivateFile(fileOf(known.api, name), secret)
  return secret
}

/** Throws a Refusal if a Worker would not start with its secret. The message does not contain the value. */
export async function checkGivenSecrets(known: Known) {
  const values = ALL_SECRET_NAMES.map(
    async (name) => [name, (await knownSecret(known, name)) ?? ''] as const,
  )
  await checkSecrets(Object.fromEntries(await Promise.all(values)) as GivenSecrets)
}

const digested = async ({ clientId, clientSecret }: OperatorCredential) => ({
  clientId,
  secretDigest: await hexDigest(clientSecret),
})

/** `isKeptGood`: true if the client in the file of an earlier run can administer with its secret. */
async function lookUp(wrangler: Wrangler, kept: OperatorCredential | null) {
  const ofKept = kept === null ? '' : isOperatorSql(await digested(kept))
  const answers = await wrangler.query(`${OPERATORS_SO_FAR};\n${ofKept}`)
  const [soFar = {}, ofFile = {}] = answers.map(([row]) => row as Row)
  if (typeof soFar.operators !== 'number') throw new Refusal('the answer of wrangler has no rows')
  return {
    operators: soFar.operators,
    hasCommandLine: soFar.has_command_line === 1,
    isKeptGood: ofFile.is_operator === 1,
  }
}

/** The file is written before the client is inserted, so that an interrupted run does not lose the secret. */
async function newOperator(deployment: Deployment): Promise<OperatorCredential> {
  const clientId = `${OPERATOR_ID}-${randomId()}`
  const credential = { clientId, clientSecret: mintToken('clientSecret') }
  await makeFolder(deployment.api)
  await writeCredential(operatorFile(deployment.api), credential)
  return credential
}

/** A credential that works stays, so that a run after a lost response makes no second operator. */
export async function settleOperator(deployment: Deployment): Promise<string> {
  const { api, wrangler, options } = deployment
  if (isPlaceholder(databaseOf(readConfigs().registry).database_id)) {
    throw new Refusal('there is no deployment yet: npm run deploy makes one with an operator')
  }
  const file = operatorFile(api)
  const kept = await readCredential(file)
  const { operators, hasCommandLine, isKeptGood } = await lookUp(wrangler, kept)
  const isWanted = operators === 0 || (options.newOperator && !isKeptGood)
  const made = isWanted ? await newOperator(deployment) : null
  const sql = firstOperatorSql({
    operator: made && (await digested(made)),
    commandLine: !hasCommandLine,
    now: epochSeconds(),
  })
  if (sql !== '') await wrangler.query(sql)
  if (made) return `${made.clientId} made; its credential is in ${shownPath(file)}`
  if (isKeptGood) {
    const advice = options.newOperator ? ', so none is made: move the file away first' : ''
    return `the credential of ${kept?.clientId} in ${shownPath(file)} works${advice}`
  }
  return `${operators} found; npm run deploy -- --new-operator makes another`
}
