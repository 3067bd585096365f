/**
 * MCP hosts get from the URL of `npm run example:mcp` to the result of a tool, once with a metadata document and once with
 * dynamic registration. They open Chromium, where a user signs in and allows.
 */

import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { type Listening, listen } from '../node/listen.ts'
import { type Program, startExample, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  linesOf,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import { newCertificate } from './certificate.ts'

const PROGRAMS = join(import.meta.dirname, 'programs')
const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const TIMEOUT_MS = 50_000
const NO_NOTES = 'There are no notes.'

let product: RecordedRegistry
let example: Program
let server: string
let browser: Browser
let folder: string
let documents: Listening
let documentOrigin: string
let opener: Listening
/** The metadata documents, by path. */
const published = new Map<string, object>()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hosts-'))
  const { file, ...tls } = newCertificate(folder)
  documents = await listen(
    createServer(tls, ({ url = '' }, response) => {
      const document = published.get(url)
      response.writeHead(document ? 200 : 404, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(document ?? {}))
    }),
  )
  documentOrigin = `https://127.0.0.1:${documents.port}`
  product = await startRecordedRegistry({
    CLIENT_DOCUMENTS: 'any',
    REGISTRATION: 'open',
    NODE_EXTRA_CA_CERTS: file,
  })
  const [port] = await freePorts(1)
  server = `http://127.0.0.1:${port}/mcp`
  const scopes = ['notes:read', 'notes:write']
  for (const scope of scopes) {
    const sentence = scope === 'notes:read' ? 'Read your notes' : 'Write notes'
    await product.administer('scope', 'create', scope, '--sentence', sentence, '--self-registered')
  }
  await product.administer(
    ...['resource', 'create', server, '--name', 'Notes', '--scope', scopes.join(' ')],
    '--self-registered',
  )
  await product.administer('user', 'authorize', product.demo.username, '--scope', scopes.join(' '))
  example = await startExample('mcp', product, port)
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--disable-gpu'] })
  opener = await listen(createHttpServer(visit))
  // A stand-in for the desktop's command that opens a page.
  const script = join(folder, 'xdg-open')
  writeFileSync(script, '#!/bin/sh\nexec curl --silent --data-binary "$1" "$OPENER"\n')
  chmodSync(script, 0o755)
})
afterAll(async () => {
  await example?.end()
  await browser?.close()
  await Promise.all([documents?.close(), opener?.close()])
  await product?.end()
  if (folder) rmSync(folder, { recursive: true })
})

/** The URLs that hosts opened. */
const opened: URL[] = []

/** Receives the URL of a host's `xdg-open`: the user opens the page in Chromium, signs in and allows. */
function visit(
  ...[request, response]: Parameters<NonNullable<Parameters<typeof createHttpServer>[1]>>
) {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    response.end()
    const url = Buffer.concat(chunks).toString()
    opened.push(new URL(url))
    void allow(url)
  })
}

async function allow(url: string) {
  const page = await browser.newPage()
  page.setDefaultTimeout(TIMEOUT_MS)
  await page.goto(url)
  await page.getByRole('textbox', { name: 'Username' }).fill(product.demo.username)
  await page.getByLabel('Password').fill(product.demo.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL((there) => there.origin !== product.registry)
}

type Host = Readonly<{
  name: string
  library: string
  /** The redirect URI that the host uses with `port`. */
  callback: (port: number) => string
  /** The commands of the host, which run one after another in the same home folder. */
  commands: (asked: Readonly<{ port: number; document: string | null }>) => readonly string[][]
}>

const bin = (path: string) => join(PROGRAMS, 'node_modules', path)
const from = (document: string | null) =>
  document === null ? [] : ['--client-metadata-url', document]

const library = (version: 1 | 2, name: string): Host => ({
  name: `the MCP client, version ${version}`,
  library: name,
  callback: (port) => `http://127.0.0.1:${port}/callback`,
  commands: ({ port, document }) => [
    [
      ...[join(PROGRAMS, 'mcp-unregistered.mjs'), String(version), 'list_notes', server],
      ...[String(port), ...from(document)],
    ],
  ],
})

const HOSTS: readonly Host[] = [
  library(1, '@modelcontextprotocol/sdk'),
  library(2, '@modelcontextprotocol/client'),
  {
    name: 'mcp-remote',
    library: 'mcp-remote',
    callback: (port) => `http://localhost:${port}/oauth/callback`,
    commands: ({ port, document }) => [
      [
        ...[join(PROGRAMS, 'mcp-remote.mjs'), 'list_notes', server, String(port)],
        ...['--transport', 'http-only', ...from(document)],
      ],
    ],
  },
  {
    name: 'the MCP inspector',
    library: '@modelcontextprotocol/inspector',
    callback: (port) => `http://127.0.0.1:${port}/oauth/callback`,
    commands: ({ port, document }) => [
      [
        ...[bin('.bin/mcp-inspector'), '--cli', '--server-url', server, '--transport', 'http'],
        ...['--method', 'tools/call', '--tool-name', 'list_notes', '--format', 'json'],
        ...['--callback-url', `http://127.0.0.1:${port}/oauth/callback`, ...from(document)],
      ],
    ],
  },
  {
    name: 'mcpc',
    library: '@apify/mcpc',
    callback: () => 'http://localhost/callback',
    commands: ({ document }) => [
      [bin('.bin/mcpc'), 'login', server, ...from(document)],
      [bin('.bin/mcpc'), 'connect', server, '@notes'],
      [bin('.bin/mcpc'), '@notes', 'tools-call', 'list_notes'],
      // The host runs in a separate process.
      [bin('.bin/mcpc'), 'close', '@notes'],
    ],
  },
]

/** The output of the commands. */
async function run(host: Host, asked: Readonly<{ port: number; document: string | null }>) {
  const home = mkdtempSync(join(folder, 'home-'))
  const printed: string[] = []
  for (const words of host.commands(asked)) {
    const program = startProgram(process.execPath, words, {
      HOME: home,
      XDG_CONFIG_HOME: home,
      MCP_REMOTE_CONFIG_DIR: home,
      PATH: `${folder}:${process.env.PATH}`,
      BROWSER: join(folder, 'xdg-open'),
      OPENER: opener.url,
      NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
      MCP_AUTO_OPEN_ENABLED: 'true',
    })
    await program.over
    printed.push(program.printed())
  }
  product.note(...linesOf(host.name, printed.join('\n')))
  return printed.join('\n')
}

type Known = Readonly<{ client_id: string; self_registered: string | null; name: string }>
const clients = async () => (await product.administer('client', 'list')) as readonly Known[]

describe.each(HOSTS.map((host) => [host.name, host] as const))('%s', (_name, host) => {
  beforeAll(() => {
    if (!existsSync(bin(host.library))) throw new Error('npm ci --prefix test/interop/programs')
  })

  it('an MCP host with the URL of a metadata document as its client id gets the result of a tool from only the URL of an MCP server', async () => {
    const [port = 0] = await freePorts(1)
    const path = `/${host.library}/client.json`
    const document = `${documentOrigin}${path}`
    published.set(path, {
      client_id: document,
      client_name: host.name,
      redirect_uris: [host.callback(port)],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    })
    opened.length = 0
    expect(await run(host, { port, document })).toContain(NO_NOTES)
    expect(opened.map(({ searchParams }) => searchParams.get('client_id'))).toEqual([document])
    expect(opened.map(({ searchParams }) => searchParams.get('resource'))).toEqual([server])
    expect(await clients()).toContainEqual(
      expect.objectContaining({
        client_id: document,
        self_registered: 'document',
        name: host.name,
      }),
    )
  })

  it('an MCP host that registers itself gets the result of a tool from only the URL of an MCP server', async () => {
    const [port = 0] = await freePorts(1)
    opened.length = 0
    expect(await run(host, { port, document: null })).toContain(NO_NOTES)
    const [asked] = opened
    expect(opened).toHaveLength(1)
    const registered = (await clients()).filter(
      ({ self_registered }) => self_registered === 'registration',
    )
    expect(registered.map(({ client_id }) => client_id)).toContain(
      asked?.searchParams.get('client_id'),
    )
  })
})

describe('a registry without self-registration', () => {
  it('control: an unregistered host gets no token from a registry without documents and registration', async () => {
    const closed = await startRecordedRegistry()
    try {
      const { registration_endpoint, client_id_metadata_document_supported } = (await (
        await fetch(`${closed.registry}/.well-known/oauth-authorization-server`)
      ).json()) as Record<string, unknown>
      expect([registration_endpoint, client_id_metadata_document_supported ?? false]).toEqual([
        ...[undefined, false],
      ])
    } finally {
      await closed.end()
    }
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 10, line: 4, row: 15, key: 2, value: 2, file: 10, answer: 15 },
})
