/** Real nginx with examples/nginx.conf: auth_request between callers and a small upstream. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { startProgram } from '../node/program.ts'
import { leavesNoSecret } from '../node/recorded-registry.ts'
import { proxiedService } from './proxied-service.ts'

const NGINX = process.env.NGINX_PATH ?? '/usr/sbin/nginx'
const run = promisify(execFile)

/** The commands of docs/protect-a-service.md that make a configuration of the example. */
async function documentedCommands(): Promise<string> {
  const page = await readFile(inProject('docs/protect-a-service.md'), 'utf8')
  const [, commands] = /```console\n(mkdir -p run\n[\s\S]+?)nginx -p run/.exec(page) ?? []
  return commands ?? expect.fail('the page has no commands for nginx')
}

const product = proxiedService('nginx', async (place) => {
  const folder = join(place.folder, String(place.listenPort))
  await mkdir(folder)
  await writeFile(join(folder, 'proxy-secret'), place.secret)
  const commands = (await documentedCommands())
    .replaceAll('.wrangler/state', folder)
    .replace('mkdir -p run', `mkdir -p ${folder}/run`)
    .replace('> run/', `> ${folder}/run/`)
    .replace('|8788|', `|${place.authenticatorPort}|`)
    .replace('|8080|', `|${place.upstreamPort}|`)
    .replace('|9000|', `|${place.listenPort}|`)
  await run('bash', ['-euo', 'pipefail', '-c', commands], { cwd: inProject('.') })
  const file = join(folder, 'run/nginx.conf')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  // At this level nginx logs a line when it serves.
  const conf = (await readFile(file, 'utf8')).replace('stderr warn;', 'stderr notice;')
  expect(conf).not.toMatch(/__[A-Z_]+__/)
  await writeFile(file, conf)
  const words = ['-p', join(folder, 'run'), '-c', file, '-g', 'daemon off;']
  const nginx = startProgram(NGINX, words)
  await nginx.untilPrints('start worker process')
  return nginx
})

leavesNoSecret(product, {
  ...{ secrets: 18, line: 5, row: 20, key: 5, value: 5, file: 15, answer: 35 },
})
