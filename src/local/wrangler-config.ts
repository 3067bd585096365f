/** The parts of a wrangler.toml that are needed here. `wrangler deploy` reads the same file. */

import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import * as z from 'zod/mini'
import { utf8Text } from './files.ts'
import { Refusal } from './refusal.ts'

const RateLimit = z.object({
  name: z.string(),
  namespace_id: z.string(),
  simple: z.object({ limit: z.number(), period: z.union([z.literal(10), z.literal(60)]) }),
})

/** A var may be a number or a boolean, but a setting is read from text. */
const Var = z.pipe(
  z.union([z.string(), z.number(), z.boolean()]),
  z.transform((value) => String(value)),
)

const Config = z.object({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z._default(z.array(z.string()), []),
  vars: z._default(z.record(z.string(), Var), {}),
  d1_databases: z._default(
    z.array(
      z.object({
        binding: z.string(),
        database_id: z.string(),
        database_name: z._default(z.string(), 'registry'),
        migrations_dir: z._default(z.string(), 'migrations'),
      }),
    ),
    [],
  ),
  kv_namespaces: z._default(z.array(z.object({ binding: z.string(), id: z.string() })), []),
  ratelimits: z._default(z.array(RateLimit), []),
  /** Is the Worker served at NAME.SUBDOMAIN.workers.dev? wrangler's default is yes, unless there are routes. */
  workers_dev: z.optional(z.boolean()),
  services: z._default(z.array(z.object({ binding: z.string(), service: z.string() })), []),
  route: z.optional(z.unknown()),
  routes: z.optional(z.array(z.unknown())),
  triggers: z._default(z.object({ crons: z._default(z.array(z.string()), []) }), { crons: [] }),
})

export type WranglerConfig = z.output<typeof Config>

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (fault) {
    if (!(fault instanceof TomlError)) throw fault
    // The other lines of the message draw the place of the fault.
    const [problem = ''] = fault.message.split('\n')
    throw new Refusal(`${file}:${fault.line}: ${problem.replace('Invalid TOML document: ', '')}`)
  }
}

/** The returned paths are absolute. */
export function readWranglerConfig(path: string): WranglerConfig {
  const name = relative(process.cwd(), path)
  const read = Config.safeParse(parseToml(utf8Text(name, readFileSync(path)), name))
  if (!read.success) {
    const [issue] = read.error.issues
    throw new Refusal(`${name}: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const absolute = (text: string) => resolve(dirname(path), text)
  return {
    ...read.data,
    main: absolute(read.data.main),
    d1_databases: read.data.d1_databases.map((database) => ({
      ...database,
      migrations_dir: absolute(database.migrations_dir),
    })),
  }
}

/** The registry's own database, by the name of its binding. */
export function databaseOf(config: WranglerConfig) {
  const database = config.d1_databases.find(({ binding }) => binding === 'DB')
  if (!database) throw new Refusal('wrangler.toml: there is no D1 database with the binding DB')
  return database
}
