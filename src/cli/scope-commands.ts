/** `scope VERB …` and `category VERB …`: what people read about scopes and categories. */

import type { Command } from 'commander'
import type { ScopeFields } from '../domain/declaration.ts'
import { requireValid } from '../protocol/registration/field.ts'
import {
  readCategory,
  readScopeCreation,
  SCOPE_FIELDS,
  SCOPE_NAME,
} from '../protocol/registration/scope-fields.ts'
import { ANY_VERSION, type Document, printChange, WITHIN } from './act.ts'
import { type ManagementApi, pathOf } from './api.ts'
import { readCatalogueFile } from './catalogue-file.ts'
import { listVerb, pagesOf } from './list-verb.ts'
import { addOptions, bodyOf, readGiven } from './options.ts'
import { asItIs, type Io, printFrom, printRead, refuseUsage, verb } from './verb.ts'

const EXAMPLE = 'files:read'
const ASKED_AGAIN = 'Users are asked again where a sentence has changed.'
const ALL_OR_NOTHING =
  'A file with a bad item changes nothing; each bad item is named with its line.'

function addDeclaring(scope: Command, io: Io) {
  const create = verb(
    scope,
    'create <name>',
    'Declare a scope: any scope-token of RFC 6749. The consent page has its sentence, and scopes_supported lists it.',
    `create ${EXAMPLE} --sentence "Read your files"`,
  )
  addOptions(create, SCOPE_FIELDS, true).action(
    (name: string, options: Record<string, unknown>, command: Command) => {
      requireValid(SCOPE_NAME, name, 'name')
      const body = { name, ...bodyOf(readGiven(SCOPE_FIELDS, options)) }
      return printChange(command, io, { method: 'POST', path: '/scopes', body })
    },
  )
  const update = verb(
    scope,
    'update <name>',
    `Change what is declared of a scope. ${ASKED_AGAIN}`,
    `update ${EXAMPLE} --sensitive`,
  )
  addOptions(update, SCOPE_FIELDS).action(
    (name: string, options: Record<string, unknown>, command: Command) => {
      const fields: Partial<ScopeFields> = readGiven(SCOPE_FIELDS, options)
      if (Object.keys(fields).length === 0) refuseUsage(command, 'there is nothing to update')
      const path = pathOf`/scopes/${name}`
      const body = bodyOf(fields)
      return printChange(command, io, { method: 'PATCH', path, ...ANY_VERSION, body })
    },
  )
  verb(
    scope,
    'delete <name>',
    `Delete what is declared of a scope, and print it. Refused while a client or a user holds the scope, with or without a resource. With --withdraw all of them lose it first, and their access tokens end ${WITHIN}.`,
    `delete ${EXAMPLE} --withdraw`,
  )
    .option('--withdraw', 'take it from every client and user')
    .action((name: string, { withdraw = false }: { withdraw?: boolean }, command: Command) =>
      printChange(command, io, {
        method: 'DELETE',
        path: pathOf`/scopes/${name}`,
        query: { withdraw: String(withdraw) },
        ...ANY_VERSION,
      }),
    )
}

function addReading(scope: Command, io: Io) {
  listVerb(scope, io, {
    description: 'Print the declared scopes in the order of their names, a line each.',
    example: '--json',
    path: '/scopes',
    columns: ['name', 'sensitive', 'self_registered', 'sentence'],
  })
  verb(scope, 'show <name>', 'Print what is declared of a scope.', `show ${EXAMPLE}`).action(
    (name: string, _options, command: Command) =>
      printRead(command, io, { method: 'GET', path: pathOf`/scopes/${name}` }),
  )
}

function addImport(scope: Command, io: Io) {
  verb(
    scope,
    'import <file>',
    `Declare the scopes of a JSON file, as in examples/arxiv-scopes.json. A declared scope becomes as in the file, and scopes that are not in the file stay. ${ALL_OR_NOTHING} ${ASKED_AGAIN}`,
    'import examples/arxiv-scopes.json',
  ).action(async (file: string, _options, command: Command) => {
    const given = await readCatalogueFile(file, 'scopes', readScopeCreation, io)
    const body = { items: given.map(bodyOf) }
    return printChange(command, io, { method: 'PATCH', path: '/scopes', body })
  })
}

async function allCategories(api: ManagementApi): Promise<readonly Document[]> {
  const all: Document[] = []
  for await (const page of pagesOf(api, { path: '/categories' })) all.push(...page)
  return all
}

const titlesByName = (categories: readonly Document[]) =>
  categories.length === 0
    ? { categories: [] }
    : Object.fromEntries(categories.map(({ name, title }) => [name, title]))

function addCategories(program: Command, io: Io) {
  const category = program
    .command('category')
    .description('The titles of archives and categories, for endorsements')
  verb(
    category,
    'import <file>',
    `Replace the list of categories by that of a JSON file, as in examples/arxiv-scopes.json. ${ALL_OR_NOTHING}`,
    'import examples/arxiv-scopes.json',
  ).action(async (file: string, _options, command: Command) => {
    const given = await readCatalogueFile(file, 'categories', readCategory, io)
    const body = { items: given }
    return printChange(command, io, { method: 'PUT', path: '/categories', ...ANY_VERSION, body })
  })
  verb(category, 'list', 'Print the declared categories.', 'list').action(
    (_options, command: Command) =>
      printFrom(command, io, allCategories, { ...asItIs, forPeople: titlesByName }),
  )
}

export function addScopeCommands(program: Command, io: Io) {
  const scope = program
    .command('scope')
    .description('Scopes: what people read about them, and which are sensitive')
  addDeclaring(scope, io)
  addReading(scope, io)
  addImport(scope, io)
  addCategories(program, io)
}
