/** `npm run deploy`: from a fresh Cloudflare account to a deployment that passes the doctor. */

import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { readIfPresent } from '../../local/files.ts'
import { DEPLOYED_SECRETS } from '../../local/project.ts'
import { oneLine, Refusal } from '../../local/refusal.ts'
import { tryToLockFile } from '../../local/state-lock.ts'
import { isIssuer } from '../../protocol/public-url.ts'
import { keptByNpm } from '../npm-options.ts'
import { DONE, FAILED, WRONG_USAGE, writeOut } from '../verb.ts'
import { signIn } from './account.ts'
import { checkIssuer } from './config-file.ts'
import type { Options, Outside } from './outside.ts'
import { operatorFile, shownFiles, shownPath } from './secrets.ts'
import { stepsFor } from './steps.ts'

const SIGN_IN = {
  name: 'sign-in',
  does: 'uses CLOUDFLARE_API_TOKEN or the login of npx wrangler login; chooses the account',
}
const DEFAULT_WAIT_SECONDS = 300
const NAME_WIDTH = 15

const HELP = `Usage: npm run deploy -- [options]

Deploys the registry, management and the authenticator to a Cloudflare account, fresh or not, and checks them with doctor. Each step
first looks at what exists: run the command again after a failure, or to deploy a new version.

  --issuer URL          the https origin that users will see, in a domain of the account; kept in each wrangler.toml (also: ISSUER)
  --authenticator URL   the https origin where proxies ask the authenticator; without it services ask over a service binding
  --account ID          the account, if there are several (also: CLOUDFLARE_ACCOUNT_ID)
  --free-plan           deploy on the free plan, where no user can sign in with a password
  --new-operator        only make another operator in the deployed database, when every credential is lost
  --wait-seconds N      how long to wait for a new address to answer (default ${DEFAULT_WAIT_SECONDS})
  --dry-run             print the steps and do nothing
  --help                print this

Environment: CLOUDFLARE_API_TOKEN instead of npx wrangler login; SIGNING_KEYS, JWT_SECRET, PROXY_SECRET and WEBHOOK_SECRET, to set
secrets of your own; AUTHENTICATOR_KEYS, to set it instead of JWT_SECRET.
Without a terminal the command asks nothing: it fails and names what is missing.

Example:
  npm run deploy -- --issuer https://auth.example.org
`

type Words = Options & Readonly<{ isDryRun: boolean; isHelp: boolean }>

/** Checks the address before anything else, so that a mistyped address is found without a sign-in. */
function checkNamedIssuer(option: string | undefined, env: Outside['env']) {
  try {
    const named = option ?? env.ISSUER
    if (named) checkIssuer(named)
  } catch (problem) {
    const words = oneLine(problem)
    throw new Error(option === undefined ? words : words.replace(/^ISSUER/, '--issuer'))
  }
}

const OPTIONS = {
  issuer: { type: 'string' },
  authenticator: { type: 'string' },
  account: { type: 'string' },
  'free-plan': { type: 'boolean', default: false },
  'new-operator': { type: 'boolean', default: false },
  'wait-seconds': { type: 'string', default: String(DEFAULT_WAIT_SECONDS) },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const
const EXAMPLE = 'npm run deploy -- --dry-run'

/** Throws an Error of one line if the usage is wrong. */
function readWords(argv: readonly string[], env: Outside['env']): Words {
  const kept = keptByNpm(Object.keys(OPTIONS), { argv, env, example: EXAMPLE })
  if (kept !== null) throw new Error(kept)
  const { values } = parseArgs({ args: [...argv], options: OPTIONS })
  const { issuer, authenticator, account, 'wait-seconds': waited } = values
  checkNamedIssuer(issuer, env)
  if (authenticator !== undefined && !isIssuer(authenticator)) {
    throw new Error('--authenticator must be an https origin, without a path')
  }
  if (!/^\d{1,5}$/.test(waited)) throw new Error('--wait-seconds must be a number of seconds')
  return {
    ...{ issuer, authenticator, account },
    freePlan: values['free-plan'],
    newOperator: values['new-operator'],
    waitSeconds: Number(waited),
    isDryRun: values['dry-run'],
    isHelp: values.help,
  }
}

const line = (name: string, text: string) => `${name.padEnd(NAME_WIDTH)}${text}\n`

/** `file`: the file with the operator's credential that a run made; null if there is none on this machine. */
const nextText = (file: string | null) => {
  const credential = `CREDENTIALS_FILE=${file ?? 'FILE'}`
  return `To administer as a program:
  ${credential} npm run --silent admin -- client list --remote
To administer as a person, make a user, who opens the printed link, and then sign in:
  ${credential} npm run --silent admin -- user create --remote --username NAME --email ADDRESS --scope registry:admin --invite
  npm run admin -- login --remote
`
}
const secretsText = (files: readonly string[]) => `
The secrets are in files that only you can read:
${files.map((file) => `  ${file}\n`).join('')}PROXY_SECRET is for the proxy in front of your services, which sends it as X-Proxy-Secret. JWT_SECRET is for services that verify
the JWTs of the authenticator, and for rotating it. SIGNING_KEYS is for rotating the keys of the registry. WEBHOOK_SECRET, if there is
one, is for the receiver of the webhook. Cloudflare never shows a secret again: keep a copy of each in a safe place, and then delete
the files (docs/deploy.md).
`

/** Returns the exit status: 0, 1 if a step failed, 2 if the usage is wrong. */
export async function deploy(
  argv: readonly string[],
  outside: Omit<Outside, 'options'>,
): Promise<number> {
  const print = (text: string) => writeOut(outside, text)
  let words: Words
  try {
    words = readWords(argv, outside.env)
  } catch (problem) {
    outside.stderr.write(
      `error: ${oneLine(problem)}\nnpm run deploy -- --help lists the options.\n`,
    )
    return WRONG_USAGE
  }
  const { isDryRun, isHelp, ...options } = words
  if (isHelp) await print(HELP)
  else if (isDryRun) {
    for (const { name, does } of [SIGN_IN, ...stepsFor(options)]) await print(line(name, does))
  } else return runSteps({ ...outside, options }, print)
  return DONE
}

/** Two deployments at once could store one value of a secret and set another value. */
function claimDeployment(): () => void {
  const release = tryToLockFile(`${DEPLOYED_SECRETS}.lock`, DEPLOYED_SECRETS)
  if (release) return release
  throw new Refusal('another npm run deploy runs here: wait until it has ended')
}

async function runSteps(outside: Outside, print: (text: string) => Promise<void>): Promise<number> {
  let at = SIGN_IN.name
  let release = () => {}
  try {
    release = claimDeployment()
    const deployment = await signIn(outside)
    await print(line(at, `account ${deployment.api.accountId}`))
    for (const step of stepsFor(outside.options)) {
      at = step.name
      await print(line(at, await step.run(deployment)))
    }
    const files = await shownFiles(deployment.api)
    if (files.length > 0) await print(secretsText(files))
    const credential = await readIfPresent(operatorFile(deployment.api))
    await print(outside.options.newOperator ? '\n' : '\nDeployed.\n')
    await print(nextText(credential === null ? null : shownPath(operatorFile(deployment.api))))
    return DONE
  } catch (fault) {
    outside.stderr.write(
      `error: ${at}: ${oneLine(fault)}\nWhat was made so far is kept. Run the same command again to continue from here.\n`,
    )
    return FAILED
  } finally {
    release()
  }
}

async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

if (import.meta.main) {
  const { stdin, stdout, stderr, env } = process
  process.exitCode = await deploy(process.argv.slice(2), {
    ...{ stdin, stdout, stderr, env },
    askOperator: stdin.isTTY && stdout.isTTY ? askAtTerminal : null,
  })
}
