/** The values of SIGNING_KEYS and AUTHENTICATOR_KEYS for `key VERB`, and the next step of a rotation. */

import type { Command } from 'commander'
import { formatKeys, type NextStep, nextStepOf, readUsableKeys } from '../crypto/key-rotation.ts'
import {
  publicKeys,
  readSigningKeys,
  type SigningAlgorithm,
  type SigningKeys,
} from '../crypto/signing-keys.ts'
import { shellWord } from '../domain/shell-word.ts'
import { OWNER_ONLY, readGivenFile, STANDARD, sourceName, writeGivenFile } from '../local/files.ts'
import { secretCommand } from '../local/project.ts'
import { Refusal } from '../local/refusal.ts'
import type { KeySetting } from '../secrets.ts'
import { epochSeconds } from './tokens.ts'
import { type Io, note, printDocument, refuseUsage, writeOut } from './verb.ts'

export type KeyOptions = Readonly<{
  json?: boolean
  from?: string
  out?: string
  alg?: SigningAlgorithm
  keep?: string
  atOnce?: boolean
  authenticator?: boolean
}>

export type Asked = Readonly<{ options: KeyOptions; command: Command; io: Io }>

/** Throws a Refusal that contains no part of the keys. */
async function usable(what: string, read: () => SigningKeys | Promise<SigningKeys>) {
  try {
    return await read()
  } catch (problem) {
    throw new Refusal(`${what}: ${(problem as Error).message}`)
  }
}

async function textFrom(file: string | undefined, { command, io }: Asked) {
  if (file === undefined && (io.stdin as { isTTY?: boolean }).isTTY) {
    refuseUsage(command, 'name the file with the present value: --from FILE')
  }
  const source = file ?? STANDARD
  return { text: await readGivenFile(source, io.stdin), what: sourceName(source) }
}

export async function presentKeys(asked: Asked): Promise<SigningKeys> {
  const { text, what } = await textFrom(asked.options.from, asked)
  return usable(what, () => readUsableKeys(text))
}

/** The keys of a value or of a public set. Does not check whether they can sign. */
export async function publishedKeys(file: string | undefined, asked: Asked): Promise<SigningKeys> {
  const { text, what } = await textFrom(file, asked)
  return usable(what, () => readSigningKeys(text, false))
}

/** The parts of the keys that may be shown. */
async function describe(keys: SigningKeys) {
  const described = (await publicKeys(keys)).keys.map((key, i) => ({
    kid: key.kid,
    alg: key.alg,
    role: i === 0 ? 'signs' : 'verifies',
    added_at: key.added_at === undefined ? null : timeOf(key.added_at),
    first_at: key.first_at === undefined ? null : timeOf(key.first_at),
  }))
  return { keys: described, next: stepText(await nextStepOf(keys), epochSeconds()) }
}

export const showKeys = async (keys: SigningKeys, { io, options }: Asked) =>
  printDocument(io, options, await describe(keys))

const settingCommand = (setting: KeySetting, file: string) => {
  const worker = setting === 'SIGNING_KEYS' ? 'registry' : 'authenticator'
  const word = /^[\w./-]+$/.test(file) ? file : shellWord(file)
  return `${secretCommand('put', worker, setting)} < ${word}`
}

/** Writes the value only to the place that `--out` names. */
export async function handOut(keys: SigningKeys, asked: Asked) {
  const { options, io } = asked
  const { out = '' } = options
  const text = `${await formatKeys(keys)}\n`
  // A value with which the Workers would not start is not written.
  await usable('the next value', () => readUsableKeys(text))
  const described = await describe(keys)
  if (out === STANDARD) {
    note(io, `next: ${described.next}`)
    return writeOut(io, text)
  }
  await writeGivenFile(out, text, OWNER_ONLY)
  const setting = options.authenticator ? 'AUTHENTICATOR_KEYS' : 'SIGNING_KEYS'
  const shown = { ...described, file: out, to_set: settingCommand(setting, out) }
  return printDocument(io, options, shown)
}

export function requireOut({ options, command }: Asked) {
  const { out, json = false } = options
  if (out === undefined) {
    refuseUsage(
      command,
      'say where the private keys go: --out FILE, or --out - for standard output',
    )
  }
  if (out === STANDARD && json)
    refuseUsage(command, '--out - prints JSON already: leave --json out')
}

export const timeOf = (epochSeconds: number) =>
  new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z')

/** `now` in epoch seconds. */
export function stepText(next: NextStep, now: number): string {
  switch (next.step) {
    case 'add':
      return 'key add, when you want to replace the key'
    case 'unknown':
      return 'the keys do not say which is older: key promote KID lets another sign, key retire KID removes one'
    case 'promote':
    case 'retire':
      return `key ${next.step} ${next.kid}, ${next.from <= now ? 'now' : `not before ${timeOf(next.from)}`}`
    default:
      throw new Error(`no words for ${next satisfies never}`)
  }
}
