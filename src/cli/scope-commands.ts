/** `scope VERB …` and `category VERB …`: what people read about scopes and categories. */

import type { Command } from 'commander'
import type { Category, NewScope, ScopeFields, ScopeRecord } from '../domain/declaration.ts'
import { findCategories, replaceCategories } from '../flows/registration/categories.ts'
import type { Outcome } from '../flows/registration/change.ts'
import * as scopes from '../flows/registration/scopes.ts'
import { readCategory } from '../protocol/registration/category-fields.ts'
import { initialOf, requireValid } from '../protocol/registration/field.ts'
import {
  readScopeCreation,
  SCOPE_FIELDS,
  SCOPE_NAME,
  scopeDocument,
} from '../protocol/registration/scope-fields.ts'
import { categoryRegistry } from '../stores/category-registry.ts'
import { scopeReader } from '../stores/scope-registry.ts'
import { printAct, WITHIN } from './act.ts'
import { readCatalogueFile } from './catalogue-file.ts'
import { listVerb } from './list-verb.ts'
import { addOptions, readGiven } from './options.ts'
import { type Io, printFrom, printRead, refuseUsage, verb } from './verb.ts'

const EXAMPLE = 'files:read'
const ASKED_AGAIN = 'Users are asked again where a sentence has changed.'
const ALL_OR_NOTHING =
  'A file with a bad item changes nothing; each bad item is named with its line.'

const PRINTED = { document: ({ record }: Outcome<ScopeRecord>) => scopeDocument(record) }

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
      const fields = { ...initialOf(SCOPE_FIELDS), ...readGiven(SCOPE_FIELDS, options) }
      const given = { name, ...fields } as NewScope
      return printAct(command, io, (act) => scopes.createScope(act, given), PRINTED)
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
      return printAct(command, io, (act) => scopes.updateScope(act, name, fields), PRINTED)
    },
  )
  verb(
    scope,
    'delete <name>',
    `Declare a scope no longer; prints what it was. Refused while a client or a user holds it, with or without a resource. With --withdraw it is taken from all of them first, and their access tokens end ${WITHIN}.`,
    `delete ${EXAMPLE} --withdraw`,
  )
    .option('--withdraw', 'take it from every client and user')
    .action((name: string, { withdraw = false }: { withdraw?: boolean }, command: Command) =>
      printAct(command, io, (act) => scopes.deleteScope(act, name, withdraw), PRINTED),
    )
}

function addReading(scope: Command, io: Io) {
  listVerb<ScopeRecord, object>(scope, io, {
    description: 'Print the declared scopes in the order of their names, a line each.',
    example: '--json',
    documentOf: scopeDocument,
    heads: ['name', 'sensitive', 'self_registered', 'sentence'],
    row: (one) => [one.name, String(one.sensitive), String(one.selfRegistered), one.sentence],
    readPage: (db, after, rows) => scopeReader(db).page(after, rows),
  })
  verb(scope, 'show <name>', 'Print what is declared of a scope.', `show ${EXAMPLE}`).action(
    (name: string, _options, command: Command) =>
      printRead(command, io, async (db) =>
        scopeDocument(await scopes.findScope({ ports: { scopes: scopeReader(db) } }, name)),
      ),
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
    const work = scopes.importScopes
    const printed = {
      document: ({ created, updated }: scopes.ImportedScopes) => ({ created, updated }),
    }
    return printAct(command, io, (act) => work(act, given), printed)
  })
}

const titlesByName = (categories: readonly Category[]) =>
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
    return printAct(command, io, (act) => replaceCategories(act, given), {
      document: ({ added, changed, removed }) => ({ added, changed, removed }),
    })
  })
  verb(category, 'list', 'Print the declared categories.', 'list').action(
    (_options, command: Command) =>
      printFrom(
        command,
        io,
        async ({ db }) => {
          const ports = { categories: categoryRegistry(db) }
          return (await findCategories({ ports })).categories
        },
        { document: (list) => list, forPeople: titlesByName },
      ),
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
