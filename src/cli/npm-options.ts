/** Options that npm keeps for itself if `--` is missing: `npm run deploy --dry-run` would deploy. */

import type { Environment } from '../local/project.ts'

/** An option that npm kept is in the environment of the script, and not among the script's words. */
const isKeptByNpm = (name: string, env: Environment) =>
  Boolean(env[`npm_config_${name.replaceAll('-', '_')}`])

/** The line for a command from which npm has kept one of these options; null if the command has all of its options. */
export function keptByNpm(
  names: readonly string[],
  { argv, env, example }: Readonly<{ argv: readonly string[]; env: Environment; example: string }>,
): string | null {
  const isGiven = (name: string) =>
    argv.some((word) => word === `--${name}` || word.startsWith(`--${name}=`))
  const kept = names.find((name) => isKeptByNpm(name, env) && !isGiven(name))
  if (kept === undefined) return null
  return `npm has kept --${kept} for itself: write -- before the words of the command, as in ${example}`
}
