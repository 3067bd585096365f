/** `npm run bench`: installs the peers if they are missing, then measures. */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, type Options, readOptions, USAGE } from './options.ts'

function installPeers(): void {
  if (existsSync(resolve(import.meta.dirname, 'node_modules'))) return
  console.error('installing what the registry is measured against')
  execFileSync('npm', ['ci', '--prefix', import.meta.dirname], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function optionsOrStop() {
  try {
    return readOptions(process.argv.slice(2))
  } catch (fault) {
    console.error(`error: ${fault instanceof Error ? fault.message.split('\n')[0] : fault}`)
    process.exit(2)
  }
}

/** A run returns false if it found something wrong. Each imports only its own program. */
const RUNS: Readonly<Record<Command, (options: Options) => Promise<unknown>>> = {
  async compare(options) {
    installPeers()
    return (await import('./compare.ts')).compare(options)
  },
  async start({ quick }) {
    installPeers()
    const { measureStart } = await import('./startup.ts')
    console.log(JSON.stringify(await measureStart(quick ? 3 : 25), null, 2))
  },
  counts: async () => console.table(await (await import('./counts.ts')).countOperations()),
  profile: async (options) => (await import('./profile.ts')).profile(options),
  growth: async (options) => (await import('./growth.ts')).measureGrowth(options),
  soak: async (options) => (await import('./soak.ts')).soak(options),
  edge: async (options) => (await import('./edge.ts')).simulateEdge(options),
}

const options = optionsOrStop()
if (options === null) console.log(USAGE)
else process.exit((await RUNS[options.command](options)) === false ? 1 : 0)
