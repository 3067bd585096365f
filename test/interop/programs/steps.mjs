/**
 * The steps of each program here, with the defaults of its library: it prints `AUTHORIZE url`, reads the callback's URL from
 * standard input, prints `TOKEN {json}`, and if the library can, `REFRESHED {json}` and `REVOKED`. It stops after `ERROR code`.
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
