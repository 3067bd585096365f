/** The comparison: starts the servers, measures them in turns, counts operations, compares with the targets, prints and saves. */

import { countOperations } from './counts.ts'
import { keep } from './figures.ts'
import type { Storage } from './operations.ts'
import type { Options } from './options.ts'
import { canPin, startLoad, startServer } from './processes.ts'
import { kept, printed } from './report.ts'
import { measureStart } from './startup.ts'
import { judgeAll } from './targets.ts'
import { type Row, takeTurns } from './turns.ts'

const START_ROUNDS = 25
const QUICK_START_ROUNDS = 3

type Contestant = Readonly<{ who: string; storage: Storage; program: readonly string[] }>

const worker = (who: string, storage: 'simulator' | 'memory'): Contestant => ({
  who,
  storage,
  program: ['servers/workers.ts', who, storage],
})

const peer = (who: string, program: string): Contestant => ({
  who,
  storage: 'own',
  program: [program],
})

/** The Workers on simulated storage, then in memory, then the peers on Node.js with their own memory. */
const CONTESTANTS: readonly Contestant[] = [
  worker('registry', 'simulator'),
  worker('floor', 'simulator'),
  worker('registry', 'memory'),
  worker('floor', 'memory'),
  worker('crypto-floor', 'memory'),
  worker('workers-oauth-provider', 'memory'),
  peer('oidc-provider', 'peers/oidc-provider.js'),
  peer('oauth2-server', 'peers/oauth2-server.js'),
  peer('better-auth', 'peers/better-auth.js'),
]

export async function compare(options: Options): Promise<void> {
  const { pace, only, quick, save } = options
  const say = (text: string) => console.error(text)
  const chosen = CONTESTANTS.filter(
    ({ who, storage }) => only.length === 0 || only.includes(who) || only.includes(storage),
  )
  const load = startLoad()
  const rows: Row[] = []
  for (const { who, storage, program } of chosen) {
    say(`starting ${who}, ${storage}`)
    const server = await startServer(program)
    for (const [operation, port] of Object.entries(server.ports)) {
      rows.push({ operation, storage, who, server, port })
    }
    server.stop()
  }
  const measured = await takeTurns(rows, load, pace, say)
  for (const { server } of rows) server.end()
  load.end()

  say('counting operations')
  const counted = await countOperations()
  say('measuring the start')
  const started = await measureStart(quick ? QUICK_START_ROUNDS : START_ROUNDS)
  const verdicts = judgeAll(measured, started)
  const run = { pace, isPinned: canPin, measured, counted, started, verdicts }
  console.log(printed(run))

  const file = `${new Date().toISOString().replaceAll(':', '-')}.json`
  keep(file, kept(run), save ? 'results.json' : null)
}
