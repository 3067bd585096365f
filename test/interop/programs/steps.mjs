/**
 * What each program here does, with its library's defaults: print `AUTHORIZE url`, read the callback's URL from
 * standard input, print `TOKEN {json}`, then `REFRESHED {json}` and `REVOKED` where the library can. `ERROR code` ends it.
 */

import { createInterface } from 'node:readline'

export const { REGISTRY, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE } = process.env

export const say = (word, value) =>
  console.log(value === undefined ? word : `${word} ${JSON.stringify(value)}`)

let lines
export async function callbackFor(url) {
  say('AUTHORIZE', String(url))
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const { done, value } = await lines.next()
  if (done) throw new Error('no callback')
  return new URL(value)
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
