/** Which registry a command works on (remote, running here, or stopped), and with which credential. */

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isOnThisMachine } from '../domain/network.ts'
import { credentialFile, readCredential } from '../local/operators.ts'
import { CONFIG_PATHS, type Environment, stateDirectory } from '../local/project.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import { claimState, type RunningRegistry } from '../local/state-lock.ts'
import { isIssuer } from '../protocol/public-url.ts'
import { type ManagementApi, managementApi, type Reached, type Sent } from './api.ts'
import { tokensByKey, tokensBySecret } from './client-tokens.ts'
import { send } from './http.ts'
import { readSignIn, type SignInPlace, signInTokens } from './sign-in.ts'
import type { Server, Tokens } from './tokens.ts'
import type { Io } from './verb.ts'

type Where = Readonly<{ remote: boolean; env: Environment }>
/** `stderr` gets notes for the administrator. */
type Telling = Where & Pick<Io, 'stderr'>

/** Credentials are sent to this address, so plain http is only for this machine. */
function requireGuarded(issuer: string, from: string): string {
  if (isIssuer(issuer)) return issuer
  throw new Refusal(`ISSUER${from}: must be an https origin, or http on a loopback address`)
}

async function deployedIssuer(env: Environment): Promise<string> {
  if (env.ISSUER) return requireGuarded(env.ISSUER, '')
  const { readWranglerConfig } = await import('../local/wrangler-config.ts')
  const issuer = readWranglerConfig(CONFIG_PATHS.registry).vars.ISSUER ?? ''
  if (isOnThisMachine(issuer)) {
    throw new Refusal('--remote needs ISSUER: the origin of the deployed registry')
  }
  return requireGuarded(issuer, ' of wrangler.toml')
}

/** The folder for what the command line stores: `~/.config/edge-registry`, or below XDG_CONFIG_HOME. */
function keptIn(env: Environment, issuer: string, ending: string): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return join(folder, 'edge-registry', `${new URL(issuer).host.replaceAll(':', '_')}${ending}`)
}

async function remotePlace(env: Environment): Promise<SignInPlace> {
  const issuer = await deployedIssuer(env)
  const file = env.CREDENTIALS_FILE || keptIn(env, issuer, '.json')
  const login = 'npm run admin -- login --remote'
  return { server: { url: issuer, issuer }, file, login }
}

const localPlace = (stateDir: string, { registryUrl, issuer }: RunningRegistry): SignInPlace => ({
  server: { url: registryUrl, issuer },
  file: join(stateDir, 'sign-in.json'),
  login: 'npm run admin -- login',
})

/** Throws a Refusal if no registry runs on this machine. */
export async function signInPlace({ remote, env }: Where): Promise<SignInPlace> {
  if (remote) return remotePlace(env)
  const stateDir = stateDirectory(env)
  const claim = await claimState(stateDir)
  if (claim.kind === 'served') return localPlace(stateDir, claim.by)
  claim.release()
  throw new Refusal('no registry runs on STATE_DIR: run npm start, or add --remote')
}

async function tokensOfPerson(place: SignInPlace): Promise<Tokens | null> {
  const signIn = await readSignIn(place)
  return signIn && signInTokens(place, signIn)
}

async function tokensOfMachine(env: Environment, server: Server): Promise<Tokens | null> {
  const { REGISTRY_CLIENT_ID: clientId, REGISTRY_CLIENT_SECRET: secret } = env
  const { REGISTRY_PRIVATE_KEY_FILE: keyFile } = env
  if (!clientId && !secret && !keyFile) return null
  if (!clientId) {
    const other = secret ? 'REGISTRY_CLIENT_SECRET' : 'REGISTRY_PRIVATE_KEY_FILE'
    throw new Refusal(`${other} needs REGISTRY_CLIENT_ID`)
  }
  const machine = { server, clientId, tokenFile: keptIn(env, server.issuer, '.token.json') }
  if (keyFile && !secret) return tokensByKey(machine, keyFile)
  if (secret && !keyFile) return tokensBySecret(machine, secret)
  throw new Refusal('give either REGISTRY_CLIENT_SECRET or REGISTRY_PRIVATE_KEY_FILE')
}

/** The file may also have what `npm run deploy` wrote: the id and the secret of an operator. */
async function tokensOfFile(place: SignInPlace): Promise<Tokens | null> {
  const operator = await readCredential(place.file).catch(() => null)
  if (!operator) return tokensOfPerson(place)
  const { clientId, clientSecret } = operator
  const tokenFile = `${place.file}.token`
  return tokensBySecret({ server: place.server, clientId, tokenFile }, clientSecret)
}

/** No person has signed in, and the environment names no client. */
export class NoCredential extends Refusal {}

async function deployedTokens(env: Environment, place: SignInPlace): Promise<Tokens> {
  const tokens = (await tokensOfMachine(env, place.server)) ?? (await tokensOfFile(place))
  if (tokens) return tokens
  throw new NoCredential(
    `--remote needs a sign-in (${place.login}), or REGISTRY_CLIENT_ID with REGISTRY_CLIENT_SECRET or ` +
      'REGISTRY_PRIVATE_KEY_FILE',
  )
}

/** The person who signed in here takes precedence over the operator of `npm start`. */
async function localTokens(stateDir: string, place: SignInPlace): Promise<Tokens> {
  const ofPerson = await tokensOfPerson(place)
  if (ofPerson) return ofPerson
  const operator = await readCredential(credentialFile(stateDir))
  if (!operator) throw new Refusal(`${credentialFile(stateDir)} is gone: start the registry again`)
  const { clientId, clientSecret } = operator
  const tokenFile = join(stateDir, 'operator-token.json')
  return tokensBySecret({ server: place.server, clientId, tokenFile }, clientSecret)
}

const reached = ({ url }: Server, tokens: Tokens, isRemote: boolean): Reached => ({
  url,
  isRemote,
  async send({ target, ...init }: Sent) {
    const [path = ''] = target.split('?')
    const proof = await tokens.headersFor(init.method, path)
    return send(`${url}${target}`, { ...init, headers: { ...init.headers, ...proof } })
  },
  renew: tokens.renew,
})

type Work<T> = (api: ManagementApi) => Promise<T>

/** Runs the Worker in this process, where no other process can reach it. */
async function onStopped<T>(stateDir: string, env: Environment, work: Work<T>): Promise<T> {
  const { readRegistryVars } = await import('../local/settings.ts')
  const { openOwnManagement } = await import('../local/own-management.ts')
  const management = await openOwnManagement(stateDir, readRegistryVars(env))
  try {
    return await work(
      managementApi({
        url: stateDir,
        isRemote: false,
        send: ({ target, ...init }) => {
          const headers = { ...init.headers, Authorization: `Bearer ${management.token}` }
          return management.dispatch(target, { ...init, headers })
        },
        renew: async () => false,
      }),
    )
  } catch (cause) {
    const fault = management.lastFault()
    if (fault === null || !(cause instanceof Refusal)) throw cause
    throw new Refusal(`${cause.message} (${oneLine(fault)})`)
  } finally {
    await management.close()
  }
}

/** `npm start` in another terminal may have a STATE_DIR that this command was not given. */
export function noteNewState(stateDir: string, { env, stderr }: Pick<Telling, 'env' | 'stderr'>) {
  if (env.STATE_DIR || existsSync(stateDir)) return
  stderr.write(
    `note: no registry has run on ${stateDir}: a new, empty one is made there. If yours has another STATE_DIR, give it to this command too\n`,
  )
}

export async function withApi<T>({ remote, env, stderr }: Telling, work: Work<T>): Promise<T> {
  if (remote) {
    const place = await remotePlace(env)
    return work(managementApi(reached(place.server, await deployedTokens(env, place), true)))
  }
  const stateDir = stateDirectory(env)
  noteNewState(stateDir, { env, stderr })
  const claim = await claimState(stateDir)
  if (claim.kind === 'served') {
    const place = localPlace(stateDir, claim.by)
    return work(managementApi(reached(place.server, await localTokens(stateDir, place), false)))
  }
  try {
    return await onStopped(stateDir, env, work)
  } finally {
    claim.release()
  }
}
