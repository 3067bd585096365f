/** `key VERB …`: makes and rotates the value of SIGNING_KEYS and of AUTHENTICATOR_KEYS. No verb asks a registry. */

import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import {
  addKey,
  createKeys,
  EXPIRED_AFTER_SECONDS,
  nextStepOf,
  PUBLISHED_AFTER_SECONDS,
  promoteKey,
  retireKey,
} from '../crypto/key-rotation.ts'
import {
  MAX_KEYS,
  publicKeys,
  SIGNING_ALGORITHMS,
  type SigningKeys,
} from '../crypto/signing-keys.ts'
import { Refusal } from '../local/refusal.ts'
import {
  type Asked,
  handOut,
  type KeyOptions,
  presentKeys,
  publishedKeys,
  requireOut,
  showKeys,
  timeOf,
} from './key-values.ts'
import { STANDARD } from './registry-file/files.ts'
import { epochSeconds } from './tokens.ts'
import { type Io, offlineVerb } from './verb.ts'

const FROM = [
  '--from <file>',
  'the present value; - for standard input, which is the default',
] as const
const OUT = [
  '--out <file>',
  'where the next value goes: a file for you alone, or - for standard output. It has private keys',
] as const
const AUTHENTICATOR = ['--authenticator', 'the keys are AUTHENTICATOR_KEYS'] as const
const AT_ONCE =
  'although that refuses good tokens for a while: for a key that has leaked, and before anything uses the keys'

const algorithmOption = () =>
  new Option('--alg <algorithm>', 'of the new key').choices(SIGNING_ALGORITHMS).default('ES256')

/** A file may be the only copy of its keys: Cloudflare shows no secret. */
function requireNew(file: string) {
  if (file === STANDARD || !existsSync(file)) return
  throw new Refusal(
    `${JSON.stringify(file)} exists, and key create would replace its keys: name another file, or use key add --from`,
  )
}

async function create(asked: Asked) {
  requireOut(asked)
  const { out = '', alg = 'ES256', keep } = asked.options
  requireNew(out)
  const kept = keep === undefined ? [] : await publishedKeys(keep, asked)
  return handOut(await createKeys(alg, epochSeconds(), kept), asked)
}

async function add(asked: Asked) {
  requireOut(asked)
  const keys = await presentKeys(asked)
  if (keys.length >= MAX_KEYS) {
    throw new Refusal(`there are ${MAX_KEYS} keys already: retire one (key retire) before`)
  }
  return handOut(await addKey(keys, asked.options.alg ?? 'ES256', epochSeconds()), asked)
}

type Step = 'promote' | 'retire'

/** The key that was named, or the one whose turn it is. */
async function kidFor(step: Step, named: string | undefined, keys: SigningKeys) {
  if (named !== undefined) return named
  const next = await nextStepOf(keys)
  if (next.step === step) return next.kid
  const { keys: published } = await publicKeys(keys)
  const others = published.slice(1).map(({ kid }) => kid)
  if (others.length === 0) {
    throw new Refusal(`there is one key: key add makes another before a key ${step}`)
  }
  throw new Refusal(`name the key to ${step}: ${others.join(' or ')}`)
}

/** The moment from which the step refuses no good token. */
async function safeFrom(step: Step, kid: string, keys: SigningKeys): Promise<number> {
  const { keys: published } = await publicKeys(keys)
  const key = published.find((one) => one.kid === kid)
  if (step === 'promote') return (key?.added_at ?? 0) + PUBLISHED_AFTER_SECONDS
  // A key that was never the first has signed nothing.
  return key?.first_at === undefined ? 0 : (published[0]?.first_at ?? 0) + EXPIRED_AFTER_SECONDS
}

const TOO_EARLY = {
  promote: 'services may not know the key yet',
  retire: 'what the key has signed may be in use',
}

async function take(step: Step, named: string | undefined, asked: Asked) {
  requireOut(asked)
  const keys = await presentKeys(asked)
  const kid = await kidFor(step, named, keys)
  const now = epochSeconds()
  const change = () => (step === 'promote' ? promoteKey(keys, kid, now) : retireKey(keys, kid))
  const next = await change().catch((problem: Error) => {
    throw new Refusal(problem.message)
  })
  const from = await safeFrom(step, kid, keys)
  if (now < from && !asked.options.atOnce) {
    throw new Refusal(
      `${TOO_EARLY[step]}: wait until ${timeOf(from)}, or add --at-once if a key has leaked`,
    )
  }
  return handOut(next, asked)
}

export function addKeyCommands(program: Command, io: Io) {
  const key = program
    .command('key')
    .description(
      'Make and rotate the keys that sign: SIGNING_KEYS of the registry, AUTHENTICATOR_KEYS of the authenticator. Each verb ' +
        'reads the present value, and hands out the next one; nothing is set or sent. A rotation is add, promote, retire.',
    )
  offlineVerb(
    key,
    'create',
    'Make the first value: one key, which signs. With --keep the keys of a public set go on verifying, when their private parts are lost.',
    'create --out signing-keys.json',
  )
    .addOption(algorithmOption())
    .option(...OUT)
    .option('--keep <file>', 'what /jwks.json serves now; - for standard input')
    .option(...AUTHENTICATOR)
    .action((options: KeyOptions, command: Command) => create({ options, command, io }))
  offlineVerb(
    key,
    'add',
    'Step 1 of a rotation: a new key, as the last. It is published and signs nothing yet.',
    'add --from signing-keys.json --out signing-keys.json',
  )
    .addOption(algorithmOption())
    .option(...FROM)
    .option(...OUT)
    .option(...AUTHENTICATOR)
    .action((options: KeyOptions, command: Command) => add({ options, command, io }))
  offlineVerb(
    key,
    'promote [kid]',
    `Step 2: the added key becomes the first, and signs. Refused until it can have been read everywhere, ${PUBLISHED_AFTER_SECONDS} s after it was made.`,
    'promote --from signing-keys.json --out signing-keys.json',
  )
    .option(...FROM)
    .option(...OUT)
    .option('--at-once', AT_ONCE)
    .option(...AUTHENTICATOR)
    .action((kid: string | undefined, options: KeyOptions, command: Command) =>
      take('promote', kid, { options, command, io }),
    )
  offlineVerb(
    key,
    'retire [kid]',
    `Step 3: the old key is left out, and what it has signed is refused. Refused for the key that signs, and until everything that the key has signed has expired, ${EXPIRED_AFTER_SECONDS} s after another one signs.`,
    'retire --from signing-keys.json --out signing-keys.json',
  )
    .option(...FROM)
    .option(...OUT)
    .option('--at-once', AT_ONCE)
    .option(...AUTHENTICATOR)
    .action((kid: string | undefined, options: KeyOptions, command: Command) =>
      take('retire', kid, { options, command, io }),
    )
  offlineVerb(
    key,
    'show',
    'Show the keys of a value, or of what /jwks.json serves, and the next step of a rotation. No private part is shown.',
    'show --from signing-keys.json',
  )
    .option(...FROM)
    .action(async (options: KeyOptions, command: Command) => {
      const asked = { options, command, io }
      return showKeys(await publishedKeys(options.from, asked), asked)
    })
}
