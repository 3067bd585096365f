/**
 * Serves the single-page application of this folder on this machine. A real application is built and served as files.
 *
 *     CLIENT_ID=… node examples/single-page/serve.mjs
 *
 * ISSUER defaults to the local registry, EXAMPLE_PORT to 5173.
 */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const { ISSUER: issuer = 'http://127.0.0.1:8787', CLIENT_ID: clientId } = process.env
const port = Number(process.env.EXAMPLE_PORT ?? 5173)

function stop(problem) {
  console.error(`error: ${problem}`)
  process.exit(1)
}

if (!clientId) stop('CLIENT_ID is not set: docs/single-page-application.md registers a client')

const read = (url) => readFileSync(fileURLToPath(url), 'utf8')
const inAttribute = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
const page = read(new URL('index.html', import.meta.url))
  .replace('__ISSUER__', () => inAttribute(issuer))
  .replace('__CLIENT_ID__', () => inAttribute(clientId))
const FILES = {
  '/': ['text/html; charset=utf-8', page],
  '/app.js': ['text/javascript', read(new URL('app.js', import.meta.url))],
  '/oauth4webapi.js': ['text/javascript', read(import.meta.resolve('oauth4webapi'))],
}

const server = createServer((request, response) => {
  const [path] = request.url.split('?')
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined
  if (!file) return response.writeHead(404).end()
  response.writeHead(200, { 'Content-Type': file[0], 'Referrer-Policy': 'no-referrer' })
  response.end(file[1])
})
server.on('error', (fault) =>
  stop(`EXAMPLE_PORT: cannot listen on 127.0.0.1:${port} (${fault.code})`),
)
server.listen(port, '127.0.0.1', () => console.log(`Open in a browser: http://127.0.0.1:${port}/`))
