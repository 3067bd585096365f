/** `npm run admin`: see `--help`. */

import { run } from './run.ts'

// Of a write that failed its writer is told, by the write itself.
process.stdout.on('error', () => {})
process.exitCode = await run(process.argv.slice(2), process)
