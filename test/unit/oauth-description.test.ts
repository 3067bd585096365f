/** The description of the OAuth endpoints has exactly the parameters that the registry reads. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openApiDocument } from '../../src/management/openapi/document.ts'
import { REQUEST_FIELDS } from '../../src/protocol/authorization-request.ts'
import { ASKED_AT } from '../../src/protocol/interaction.ts'
import { serverMetadata } from '../../src/protocol/metadata.ts'

const SRC = join(import.meta.dirname, '../../src')
/** The files that read the parameters of clients. The forms of our own pages are read in routes/. */
const READERS = ['protocol', 'flows']
const READ = /\bfields(?:\.(?:get|has)\(|, )'(\w+)'/g

function namesRead(): Set<string> {
  const files = READERS.flatMap((folder) =>
    readdirSync(join(SRC, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('registration'))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  const sources = files.map((file) => readFileSync(file, 'utf8'))
  return new Set(
    sources.flatMap((text) => Array.from(text.matchAll(READ), ([, name = '']) => name)),
  )
}

type Schema = Readonly<{
  $ref?: string
  properties?: Readonly<Record<string, unknown>>
  oneOf?: readonly Schema[]
}>
type Operation = Readonly<{
  parameters?: readonly Readonly<{ name: string; in: string }>[]
  requestBody?: Readonly<{ content: Readonly<Record<string, Readonly<{ schema: Schema }>>> }>
}>

const document = openApiDocument('https://auth.example.org', [])

function namesIn(schema: Schema): string[] {
  const { $ref, properties = {}, oneOf = [] } = schema
  const named = $ref && (document.components.schemas[$ref.split('/').at(-1) ?? ''] as Schema)
  return named ? namesIn(named) : [...Object.keys(properties), ...oneOf.flatMap(namesIn)]
}

function namesDescribed(): Set<string> {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  return new Set(
    (operations as readonly Operation[]).flatMap(({ parameters = [], requestBody }) => [
      ...parameters.filter((one) => one.in === 'query').map(({ name }) => name),
      ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => namesIn(schema)),
    ]),
  )
}

it('the description of the OAuth endpoints has exactly the parameters that the registry reads', () => {
  const read = namesRead()
  for (const name of REQUEST_FIELDS) read.add(name)
  // Only our own pages send it.
  read.delete(ASKED_AT)
  // RFC 7009 §2.1: clients may send it, but the registry needs no hint.
  read.add('token_type_hint')
  expect(read.size).toBeGreaterThan(15)
  expect([...namesDescribed()].sort()).toEqual([...read].sort())
})

it('the description of the metadata has exactly the members that the registry publishes', () => {
  const published = serverMetadata('https://auth.example.org', ['client_credentials'], {
    scopes: ['a'],
    resources: ['https://a.example'],
    signingAlgorithm: 'ES256',
    clientDocuments: true,
    registration: 'open',
  })
  const described = document.components.schemas.Metadata as Schema
  expect(Object.keys(described.properties ?? {}).sort()).toEqual(Object.keys(published).sort())
})
