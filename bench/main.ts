/** `npm run bench`: installs the peers where they are missing, then measures. */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { readOptions } from './options.ts'

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

const options = optionsOrStop()
switch (options.command) {
  case 'compare': {
    installPeers()
    const { compare } = await import('./compare.ts')
    await compare(options)
    break
  }
  case 'counts': {
    const { countOperations } = await import('./counts.ts')
    console.table(await countOperations())
    break
  }
  case 'start': {
    installPeers()
    const { measureStart } = await import('./startup.ts')
    console.log(JSON.stringify(await measureStart(options.quick ? 3 : 25), null, 2))
    break
  }
  case 'profile': {
    const { profile } = await import('./profile.ts')
    await profile(options)
    break
  }
  case 'growth': {
    const { measureGrowth } = await import('./growth.ts')
    if (!(await measureGrowth(options))) process.exit(1)
    break
  }
  case 'soak': {
    const { soak } = await import('./soak.ts')
    if (!(await soak(options))) process.exit(1)
    break
  }
  case 'edge': {
    const { simulateEdge } = await import('./edge.ts')
    await simulateEdge(options)
    break
  }
}
process.exit(0)
