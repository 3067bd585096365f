/** The registry on the state of a folder: `node servers/grown.ts DIRECTORY SIZE`. */

import { resolve } from 'node:path'
import { Log, LogLevel } from 'miniflare'
import { buildWorker } from '../../src/local/build-worker.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { runWorkers } from '../../src/local/run-workers.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { freePorts } from '../../test/node/free-ports.ts'
import { ISSUER } from '../subject.ts'

const [directory = '', size = ''] = process.argv.slice(2)
const config = readWranglerConfig(CONFIG_PATHS.registry)
const [port = 0] = await freePorts(1)
const path = resolve(import.meta.dirname, '../workers/grown.ts')
const module = await buildWorker(path, { minify: true })
const vars = { ISSUER, CLIENT_CACHE_SECONDS: '0', SIZE: size }
const runtime = runWorkers([{ config, module, port, vars }], directory, new Log(LogLevel.ERROR))
await runtime.ready
const operations = ['token_cold', 'exchange', 'refresh', 'introspection', 'revocation']
const ports = Object.fromEntries(operations.map((operation) => [operation, port]))
console.log(JSON.stringify({ ports }))
