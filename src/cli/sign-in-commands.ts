/** `login` and `logout`: a person who administers. */

import { rm } from 'node:fs/promises'
import type { Command } from 'commander'
import { readCredential } from '../local/operators.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import { openInBrowser, signIn } from './login.ts'
import { type SignInPlace, signInPlace } from './reach.ts'
import { readSignIn, type SignIn } from './sign-in.ts'
import { postForm, type Server, writeKept } from './tokens.ts'
import { type Form, type Io, note, plainOptions, printDocument, verb } from './verb.ts'

/** RFC 7009. A refresh token ends all that was renewed with it. Throws a Refusal. */
async function revoke({ url }: Server, { client_id, refresh_token }: SignIn): Promise<void> {
  const { status } = await postForm(`${url}/revoke`, { token: refresh_token, client_id })
  if (status !== 200) throw new Refusal(`the registry at ${url} answered ${status}`)
}

/** The sign-in that a new one replaces; null if there is none. No file of another kind is overwritten: throws a Refusal. */
async function earlierSignIn({ file, server }: SignInPlace): Promise<SignIn | null> {
  if (await readCredential(file).catch(() => null)) {
    throw new Refusal(`${file} has the credential of a client: let CREDENTIALS_FILE name another`)
  }
  return readSignIn(file, server.issuer)
}

async function login(io: Io, where: Form & Readonly<{ browser?: boolean }>): Promise<object> {
  const { remote = false, browser = true } = where
  const place = await signInPlace({ remote, env: io.env })
  const earlier = await earlierSignIn(place)
  const isTerminal = io.stdout === process.stdout && process.stdout.isTTY
  const made = await signIn(place.server, (url) => {
    io.stderr.write(`Open this address in a browser, on this machine:\n\n  ${url}\n\n`)
    if (browser && isTerminal) openInBrowser(url)
  })
  await writeKept(place.file, made)
  if (earlier) {
    await revoke(place.server, earlier).catch((fault: unknown) =>
      note(io, `the earlier sign-in could not be ended: ${oneLine(fault)}`),
    )
  }
  return { issuer: made.issuer, scopes: made.scope.split(' '), file: place.file }
}

async function logout(io: Io, { remote = false }: Form): Promise<object> {
  const { server, file } = await signInPlace({ remote, env: io.env })
  const signedIn = await readSignIn(file, server.issuer)
  if (!signedIn) throw new Refusal(`nobody is signed in: there is no ${file}`)
  await revoke(server, signedIn).catch((fault: unknown) => {
    throw new Refusal(`${oneLine(fault)}: the sign-in has not ended, and ${file} is kept`)
  })
  await rm(file)
  return { issuer: server.issuer, signed_out: true }
}

export function addSignInCommands(program: Command, io: Io) {
  verb(program, {
    usage: 'login',
    description:
      'Sign in as a person who administers, in a browser. Later commands act as this person, with the scopes registry:… that were ' +
      'allowed. The sign-in is kept in a file that only you can read: in ~/.config/edge-registry, or CREDENTIALS_FILE.',
    example: '--remote',
    options: plainOptions({
      '--no-browser': 'print the address, and open no browser',
    }),
  }).action(async (options: Form & { browser?: boolean }) =>
    printDocument(io, options, await login(io, options)),
  )
  verb(program, {
    usage: 'logout',
    description: 'End the sign-in of this machine, and remove its file.',
    example: '--remote',
  }).action(async (options: Form) => printDocument(io, options, await logout(io, options)))
}
