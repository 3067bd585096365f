/**
 * What each program here does, with its library's defaults: print `AUTHORIZE url`, read the callback's URL from
 * standard input, print `TOKEN {json}`, then `REFRESHED {json}` and `REVOKED` where the library can. `ERROR code` ends it.
 */

import { createInterface } from 'node:readline'

export const { REGISTRY, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE } = process.env

export const say = (word, value) =>
  console.log(value === undefined ? word : `${word} ${JSON.stringify(value)}`)

export async function callbackFor(url) {
  say('AUTHORIZE', String(url))
  for await (const line of createInterface({ input: process.stdin })) return new URL(line)
  throw new Error('no callback')
}

export async function run(program) {
  try {
    await program()
    process.exit(0)
  } catch (fault) {
    say('ERROR', fault?.error ?? fault?.code ?? String(fault))
    process.exit(1)
  }
}
