/** The comparison: everything started, measured in turns, counted, judged, printed and kept. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CONTESTANTS } from './contestants.ts'
import { countOperations } from './counts.ts'
import type { Options } from './options.ts'
import { canPin, startLoad, startServer } from './processes.ts'
import { kept, printed } from './report.ts'
import { measureStart } from './startup.ts'
import { judgeAll } from './targets.ts'
import { type Row, takeTurns } from './turns.ts'

const START_ROUNDS = 25
const QUICK_START_ROUNDS = 3

const here = (path: string) => resolve(import.meta.dirname, path)

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

  const results = here('results')
  mkdirSync(results, { recursive: true })
  const document = `${JSON.stringify(kept(run), null, 2)}\n`
  const file = resolve(results, `${new Date().toISOString().replaceAll(':', '-')}.json`)
  writeFileSync(file, document)
  if (save) writeFileSync(here('results.json'), document)
}
