/**
 * Runs before every program of package.json, as JavaScript for any Node.js from 20: says in one line what is missing, and how
 * to get it. `npm ci` installs the Node.js that runs the programs, unless install scripts are skipped.
 */

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))

function namesIn(directory) {
  return existsSync(directory) ? readdirSync(directory) : []
}

function whatIsMissing() {
  if (!existsSync(join(packages, 'miniflare'))) {
    return 'the packages are not installed: run npm ci, without --omit=dev and without NODE_ENV=production'
  }
  // Programs run only if `import.meta.main` is true, so they would do nothing on a Node.js without it.
  if (!process.features.typescript || import.meta.main === undefined) {
    return (
      `Node.js ${process.versions.node} cannot run this, and the install scripts that fetch Node.js 24 were skipped: ` +
      'run npm rebuild node --ignore-scripts=false, or use Node.js 24.2 or later'
    )
  }
  if (!namesIn(join(packages, '@cloudflare')).some((name) => name.startsWith('workerd-'))) {
    return 'the Workers runtime is not installed: run npm ci, without --omit=optional'
  }
  return null
}

const missing = whatIsMissing()
if (missing) {
  console.error(`error: ${missing}`)
  process.exit(1)
}
