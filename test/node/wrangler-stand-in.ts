/**
 * A stand-in for wrangler in the tests of `npm run deploy`: changes the account in a file, which the stand-in for
 * Cloudflare's API reads too. `wrangler-stand-in.sh` forwards each command.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import type { Account } from './deploy-stand-ins.ts'
import { listen } from './listen.ts'

/** The exit status, the standard output and the standard error. */
type Ended = readonly [status: number, printed: string, complaint: string]

const failed = (message: string): Ended => [1, '', `${message}\n`]
/** With --json wrangler prints errors on standard output. */
const failedInJson = (text: string): Ended => [1, `${JSON.stringify({ error: { text } })}\n`, '']
const done = (printed: string): Ended => [0, printed === '' ? '' : `${printed}\n`, '']

/** Runs the statements in one transaction, as D1 does. */
function execute(path: string, sql: string) {
  const db = new DatabaseSync(path, { timeout: 10_000 })
  try {
    db.exec('PRAGMA foreign_keys = ON; BEGIN IMMEDIATE')
    const results = sql
      .split(/;\n/)
      .filter((one) => one.trim() !== '')
      .map((one) => ({ results: db.prepare(one).all(), success: true }))
    db.exec('COMMIT')
    return results
  } finally {
    db.close()
  }
}

type Told = Readonly<{ words: readonly string[]; said: string; secret: string }>

function deploy(account: Account, words: readonly string[], worker: string): Ended {
  if (worker === 'registry' && !account.workers.management) {
    return failed('✘ [ERROR] Could not resolve service binding "MANAGEMENT"')
  }
  if (worker === 'authenticator' && !account.workers.registry?.isDeployed) {
    return failed('✘ [ERROR] Could not resolve service binding "REGISTRY"')
  }
  const domain = words.includes('--domain') ? (words[words.indexOf('--domain') + 1] ?? null) : null
  const before = account.workers[worker] ?? { secrets: {}, domain: null }
  const { secrets } = before
  account.workers[worker] = { isDeployed: true, secrets, domain: domain ?? before.domain }
  account.deployed.push({
    ...{ worker, secrets: Object.keys(secrets), isMigrated: account.isMigrated },
    services: Object.keys(account.workers),
  })
  return done(`Uploaded ${worker}`)
}

/** Does the work of the command in this account. */
function work(account: Account, told: Told): Ended {
  const { words, said, secret } = told
  const worker = /src\/(authenticator|management)/.exec(said)?.[1] ?? 'registry'
  if (said === 'auth token --json') {
    if (!account.isSignedIn) return failed('Not logged in.')
    return done(JSON.stringify({ type: 'oauth', token: account.token }))
  }
  if (said === 'login') {
    account.isSignedIn = true
    return done('')
  }
  if (said === 'd1 migrations apply DB --remote') {
    account.isMigrated = true
    return done('🌀 Executing on remote database DB')
  }
  if (said.startsWith('d1 execute DB --remote --json --command ')) {
    const sql = words.at(-1) ?? ''
    // Without a migration the database has only the table that this statement creates.
    if (sql.startsWith('CREATE TABLE IF NOT EXISTS d1_migrations')) {
      const names = account.isMigrated ? account.migrations : []
      const rows = [[], names.map((name) => ({ name }))]
      return done(JSON.stringify(rows.map((results) => ({ results }))))
    }
    if (!account.isMigrated) return failedInJson('no such table: client')
    return done(JSON.stringify(execute(account.database, sql)))
  }
  if (words[0] === 'secret' && words[1] === 'put') {
    // Without a terminal, wrangler creates an empty worker if there is none.
    const { isDeployed = false, secrets = {}, domain = null } = account.workers[worker] ?? {}
    const name = words[2] ?? ''
    account.workers[worker] = { isDeployed, secrets: { ...secrets, [name]: secret }, domain }
    return done(`✨ Success! Uploaded secret ${name}`)
  }
  if (words[0] === 'deploy') return deploy(account, words, worker)
  return failed(`the stand-in does not know: wrangler ${said}`)
}

/** A command that begins with `failing` fails, with `failsAfterwards` after it has done its work. */
function runCommand(file: string, told: Told): Ended {
  const { words, said } = told
  const account = JSON.parse(readFileSync(file, 'utf8')) as Account
  // SQL is recorded by its first word, because it is long and has random ids.
  account.commands.push(said.replace(/(--command \w+).*/s, '$1'))
  const fails = account.failing !== null && said.startsWith(account.failing)
  const isInJson = words.includes('--json')
  let ended: Ended
  if (fails && !account.failsAfterwards) {
    ended = isInJson ? failedInJson('out of order') : failed('✘ [ERROR] out of order')
  } else {
    ended = work(account, told)
    if (fails && ended[0] === 0) {
      const lost = 'the answer was lost'
      ended = said.startsWith('d1 execute')
        ? failedInJson(lost)
        : [1, ended[1], `✘ [ERROR] ${lost}\n`]
    }
  }
  writeFileSync(file, JSON.stringify(account))
  return ended
}

/** Runs commands on the account in this file. */
export async function wranglerStandIn(file: string) {
  const server = createServer((socket) => {
    let heard = ''
    socket.setEncoding('utf8').on('data', (text) => {
      heard += text
      const [count = '', ...parts] = heard.split('\0')
      // The arguments and the standard input, separated by NULs.
      if (heard === '' || parts.length !== Number(count) + 2) return
      const words = parts.slice(0, Number(count))
      const secret = parts[Number(count)] ?? ''
      const ended = runCommand(file, { words, said: words.join(' '), secret })
      socket.end(ended.map((one) => `${one}\0`).join(''))
    })
  })
  const { port, close } = await listen(server)
  return { port: String(port), close }
}
