/** The secrets of the workers: made here, kept in private files, and handed to wrangler on its standard input. */

import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ALL_WORKERS } from '../../config.ts'
import { createKeys, formatKeys } from '../../crypto/key-rotation.ts'
import { randomText } from '../../crypto/random.ts'
import { newWebhookSecret } from '../../crypto/webhook-signature.ts'
import { readIfPresent, writePrivateFile } from '../../local/files.ts'
import { checkKeySettings } from '../../local/key-settings.ts'
import { DEPLOYED_SECRETS } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import { ALL_SECRET_NAMES, type SecretName, secretProblems } from '../../secrets.ts'
import { webhookProblems } from '../../webhook-settings.ts'
import type { Io } from '../verb.ts'

const OWNER_ONLY = 0o700

/** Another account's deployment has other secrets. */
type SecretFiles = Readonly<{ accountId: string }>

const folderOf = ({ accountId }: SecretFiles) => join(DEPLOYED_SECRETS, accountId)
const fileOf = (files: SecretFiles, name: SecretName) => join(folderOf(files), name)
/** The credential of the operator that a run made. */
export const operatorFile = (files: SecretFiles) => join(folderOf(files), 'operator.json')
/** A path as it can be typed. */
export const shownPath = (path: string) => relative(process.cwd(), path)

export const makeFolder = (files: SecretFiles) =>
  mkdir(folderOf(files), { recursive: true, mode: OWNER_ONLY })

/** The files that a run made and that still exist, as paths from the working directory. */
export async function shownFiles(files: SecretFiles): Promise<string[]> {
  const paths = ALL_SECRET_NAMES.map((name) => fileOf(files, name))
  const texts = await Promise.all(paths.map(readIfPresent))
  return paths.filter((_, i) => texts[i] !== null).map(shownPath)
}

type Known = Readonly<{ env: Io['env']; api: SecretFiles }>

/** From the environment, or from the file of an earlier run; null if there is neither. */
export const knownSecret = async ({ env, api }: Known, name: SecretName): Promise<string | null> =>
  env[name] || (await readIfPresent(fileOf(api, name)))

async function newSecret(name: SecretName): Promise<string> {
  if (name === 'WEBHOOK_SECRET') return newWebhookSecret()
  return name === 'SIGNING_KEYS' || name === 'AUTHENTICATOR_KEYS'
    ? formatKeys(await createKeys('ES256', Math.floor(Date.now() / 1000)))
    : randomText()
}

/** A new secret is written to its file first, so that an interrupted run loses none. */
export async function secretFor(known: Known, name: SecretName): Promise<string> {
  const present = await knownSecret(known, name)
  if (present !== null) return present
  const secret = await newSecret(name)
  await makeFolder(known.api)
  await writePrivateFile(fileOf(known.api, name), secret)
  return secret
}

/** Throws a Refusal for a secret that its worker would not start with. The value is not in it. */
export async function checkGivenSecrets(known: Known) {
  const values = ALL_SECRET_NAMES.map(
    async (name) => [name, (await knownSecret(known, name)) ?? ''] as const,
  )
  const given: Record<string, string> = Object.fromEntries(await Promise.all(values))
  given.JWT_SECRET ||= randomText()
  const [problem] = [
    ...ALL_WORKERS.flatMap((worker) => secretProblems(worker, given)),
    ...webhookProblems(given),
  ]
  if (problem !== undefined) throw new Refusal(problem)
  const { SIGNING_KEYS = '', AUTHENTICATOR_KEYS = '' } = given
  await checkKeySettings({ SIGNING_KEYS, AUTHENTICATOR_KEYS })
}
