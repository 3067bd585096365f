#!/usr/bin/env node
// In the place of wrangler, for the tests of npm run deploy: keeps what it was told in the file WRANGLER_STATE, which
// the stand-in of Cloudflare's API reads too. `failing`: a command that begins with these words fails; with
// `failsAfterwards`, once it has done its work.
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'

const words = process.argv.slice(2)
const said = words.join(' ')
const file = process.env.WRANGLER_STATE
const state = JSON.parse(readFileSync(file, 'utf8'))
const save = () => writeFileSync(file, JSON.stringify(state))
const fail = (message) => {
  console.error(message)
  process.exit(1)
}

// SQL is long and has random ids: its first word is kept.
state.commands.push(said.replace(/(--command \w+).*/s, '$1'))
save()
const fails = state.failing !== null && said.startsWith(state.failing)
// With --json wrangler reports on its standard output.
const failInJson = (message) => {
  console.log(JSON.stringify({ error: { text: message } }))
  process.exit(1)
}
if (fails && !state.failsAfterwards && words.includes('--json')) failInJson('out of order')
if (fails && !state.failsAfterwards) fail('✘ [ERROR] out of order')

const nameOfWorker = () => /src\/(authenticator|management)/.exec(said)?.[1] ?? 'registry'
/** As one transaction, as D1 does. */
function execute(sql) {
  const db = new DatabaseSync(state.database, { timeout: 10_000 })
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
const domain = () => (words.includes('--domain') ? words[words.indexOf('--domain') + 1] : null)

if (said === 'auth token --json') {
  if (!state.isSignedIn) fail('Not logged in.')
  console.log(JSON.stringify({ type: 'oauth', token: state.token }))
} else if (said === 'login') {
  state.isSignedIn = true
} else if (said === 'd1 migrations apply DB --remote') {
  state.isMigrated = true
  console.log('🌀 Executing on remote database DB')
} else if (said.startsWith('d1 execute DB --remote --json --command ')) {
  if (!state.isMigrated) failInJson('no such table: client')
  const results = execute(words.at(-1))
  if (fails) failInJson('the answer was lost')
  console.log(JSON.stringify(results))
} else if (words[0] === 'secret' && words[1] === 'put') {
  const secret = await text(process.stdin)
  const worker = nameOfWorker()
  // As wrangler does without a terminal: a worker that does not exist is made, empty.
  state.workers[worker] ??= { isDeployed: false, secrets: {}, domain: null }
  state.workers[worker].secrets[words[2]] = secret
  console.log(`✨ Success! Uploaded secret ${words[2]}`)
} else if (words[0] === 'deploy') {
  const worker = nameOfWorker()
  if (worker === 'registry' && !state.workers.management) {
    fail('✘ [ERROR] Could not resolve service binding "MANAGEMENT"')
  }
  if (worker === 'authenticator' && !state.workers.registry?.isDeployed) {
    fail('✘ [ERROR] Could not resolve service binding "REGISTRY"')
  }
  const before = state.workers[worker] ?? { secrets: {}, domain: null }
  state.workers[worker] = {
    isDeployed: true,
    secrets: before.secrets,
    domain: domain() ?? before.domain,
  }
  state.deployed.push({
    worker,
    secrets: Object.keys(before.secrets),
    isMigrated: state.isMigrated,
    services: Object.keys(state.workers),
  })
  console.log(`Uploaded ${worker}`)
} else {
  fail(`the stand-in does not know: wrangler ${said}`)
}
save()
if (fails) fail('✘ [ERROR] the answer was lost')
