/** `key VERB …`: makes and rotates the values of SIGNING_KEYS and AUTHENTICATOR_KEYS, and sends no request to a registry. */

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
import { STANDARD } from '../local/files.ts'
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
import { epochSeconds } from './tokens.ts'
import { type Io, offlineVerb, type Usage } from './verb.ts'

const FROM = new Option(
  '--from <file>',
  'the present value; - for standard input, which is the default',
)
const OUT = new Option(
  '--out <file>',
  'where the next value goes, which has private keys: a file that only you can read, or - for standard output',
)
const AUTHENTICATOR = new Option('--authenticator', 'the keys are AUTHENTICATOR_KEYS')
const AT_ONCE = new Option(
  '--at-once',
  'do not wait, which refuses good tokens for a while: for a key that has leaked, or before anything uses the keys',
)
const ALGORITHM = new Option('--alg <algorithm>', 'of the new key')
  .choices(SIGNING_ALGORITHMS)
  .default('ES256')
const KEEP = new Option('--keep <file>', 'what /jwks.json serves now; - for standard input')

/** A file may be the only copy of its keys, because Cloudflare shows no secret. So no file is overwritten. */
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

/** The moment from which the step causes no valid token to be refused. */
async function safeFrom(step: Step, kid: string, keys: SigningKeys): Promise<number> {
  const { keys: published } = await publicKeys(keys)
  const key = published.find((one) => one.kid === kid)
  if (step === 'promote') return (key?.added_at ?? 0) + PUBLISHED_AFTER_SECONDS
  // A key that was never the first key has signed nothing.
  return key?.first_at === undefined ? 0 : (published[0]?.first_at ?? 0) + EXPIRED_AFTER_SECONDS
}

const TOO_EARLY = {
  promote: 'services may not know the key yet',
  retire: 'what the key has signed may be in use',
}

const take = (step: Step) => async (asked: Asked, named?: string) => {
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

type KeyVerb = Usage & Readonly<{ run: (asked: Asked, kid?: string) => Promise<void> }>

const IN_PLACE = '--from signing-keys.json --out signing-keys.json'

const VERBS: readonly KeyVerb[] = [
  {
    usage: 'create',
    description:
      'Make the first value: one key, which signs. With --keep the keys of a public set still verify: for when their private parts are lost.',
    example: '--out signing-keys.json',
    options: [ALGORITHM, OUT, KEEP, AUTHENTICATOR],
    run: create,
  },
  {
    usage: 'add',
    description:
      'Step 1 of a rotation: a new key, as the last. It is published and signs nothing yet.',
    example: IN_PLACE,
    options: [ALGORITHM, FROM, OUT, AUTHENTICATOR],
    run: add,
  },
  {
    usage: 'promote [kid]',
    description: `Step 2: the added key becomes the first, and signs. Refused until it can have been read everywhere, ${PUBLISHED_AFTER_SECONDS} s after it was made.`,
    example: IN_PLACE,
    options: [FROM, OUT, AT_ONCE, AUTHENTICATOR],
    run: take('promote'),
  },
  {
    usage: 'retire [kid]',
    description: `Step 3: the old key is left out, and what it has signed is refused. Refused for the key that signs, and until everything that the key has signed has expired, ${EXPIRED_AFTER_SECONDS} s after another one signs.`,
    example: IN_PLACE,
    options: [FROM, OUT, AT_ONCE, AUTHENTICATOR],
    run: take('retire'),
  },
  {
    usage: 'show',
    description:
      'Show the keys of a value, or of what /jwks.json serves, and the next step of a rotation. No private part is shown.',
    example: '--from signing-keys.json',
    options: [FROM],
    run: async (asked) => showKeys(await publishedKeys(asked.options.from, asked), asked),
  },
]

export function addKeyCommands(program: Command, io: Io) {
  const noun = program
    .command('key')
    .description(
      'Signing keys: SIGNING_KEYS of the registry, AUTHENTICATOR_KEYS of the authenticator. Each command reads the present value ' +
        'and writes the next one; it sets and sends nothing. A rotation is add, promote, retire.',
    )
    .summary('Make and rotate the keys that sign')
  for (const { run, ...usage } of VERBS) {
    offlineVerb(noun, usage).action((...given: unknown[]) => {
      const [command, options, kid] = given.reverse() as [Command, KeyOptions, string?]
      return run({ options, command, io }, kid)
    })
  }
}
