/** `scope VERB …` and `category VERB …`: the sentences and titles that people read. */

import type { Command } from 'commander'
import { readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { requireValid } from '../protocol/registration/field.ts'
import { readItems } from '../protocol/registration/list-body.ts'
import {
  readCategory,
  readScopeCreation,
  SCOPE_FIELDS,
  SCOPE_NAME,
} from '../protocol/registration/scope-fields.ts'
import type { Document } from './api.ts'
import { addVerbs, changeOf, plainVerbs, updateVerb, WITHIN } from './call-verbs.ts'
import { allOf, listVerb } from './list-verb.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import { printable } from './text-form.ts'
import { type Io, plainOptions, printFrom, verb } from './verb.ts'

const SCOPES = { path: '/scopes', argument: '<name>', example: 'files:read' } as const
const CATEGORIES = { path: '/categories' } as const
const EXAMPLE_FILE = 'examples/arxiv-scopes.json'
const ASKED_AGAIN = 'Users are asked again where a sentence has changed.'
const ALL_OR_NOTHING =
  'A file with a bad item changes nothing; each bad item is named with its line.'

function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (fault) {
    throw new Refusal(`${what} is not JSON: ${(fault as Error).message}`)
  }
}

/** The list in this member. Writes each faulty item to standard error, and then throws one Refusal for the whole file. */
async function readCatalogueFile<Item extends Readonly<{ name: string }>>(
  file: string,
  member: 'scopes' | 'categories',
  read: (item: unknown) => Item,
  io: Io,
): Promise<readonly Item[]> {
  const what = JSON.stringify(file)
  const text = await readText(what, file)
  const document = parsed(what, text)
  const values = (document as Readonly<Record<string, unknown>> | null)?.[member]
  if (!Array.isArray(values)) throw new Refusal(`${what} has no list ${JSON.stringify(member)}`)
  const { items, problems } = readItems(values, read)
  if (problems.length === 0) return items
  const { parseText } = await import('./registry-file/text.ts')
  const { lineOf } = parseText(text)
  for (const { index, problem } of problems) {
    io.stderr.write(`error: line ${lineOf([member, index])}: ${printable(problem.message)}\n`)
  }
  throw new Refusal(
    `${what}: ${problems.length} of ${values.length} ${member} are bad, and nothing was changed`,
  )
}

const titlesByName = (categories: readonly Document[]) =>
  categories.length === 0
    ? { categories: [] }
    : Object.fromEntries(categories.map(({ name, title }) => [name, title]))

function addCategoryCommands(program: Command, io: Io) {
  const noun = program
    .command('category')
    .description('Categories: the titles of archives and categories, for endorsements')
  addVerbs(noun, io, [
    {
      usage: 'import <file>',
      description: `Replace the list of categories by that of a JSON file, as in ${EXAMPLE_FILE}. ${ALL_OR_NOTHING}`,
      example: EXAMPLE_FILE,
      async call(file: string) {
        const items = await readCatalogueFile(file, 'categories', readCategory, io)
        return { method: 'PUT', ...CATEGORIES, ifMatch: '*', body: { items } }
      },
    },
  ])
  const usage = { usage: 'list', description: 'Print the declared categories.', example: '' }
  verb(noun, usage).action((_options, command: Command) =>
    printFrom(command, io, (api) => allOf(api, CATEGORIES), { people: titlesByName }),
  )
}

export function addScopeCommands(program: Command, io: Io) {
  const noun = program
    .command('scope')
    .description('Scopes: what people read about them, and which are sensitive')
  addVerbs(noun, io, [
    {
      usage: 'create <name>',
      description:
        'Declare a scope: any scope-token of RFC 6749. The consent page has its sentence, and scopes_supported lists it.',
      example: `${SCOPES.example} --sentence "Read your files"`,
      options: optionsOf(SCOPE_FIELDS, true),
      call(name: string, options: Given) {
        requireValid(SCOPE_NAME, name, 'name')
        const body = { name, ...bodyOf(readGiven(SCOPE_FIELDS, options)) }
        return { method: 'POST', path: SCOPES.path, body }
      },
    },
    updateVerb(SCOPES, SCOPE_FIELDS, {
      description: `Change the declaration of a scope. ${ASKED_AGAIN}`,
      example: `${SCOPES.example} --sensitive`,
    }),
    {
      usage: 'delete <name>',
      description: `Delete the declaration of a scope, and print it. Refused while a client or a user holds the scope, with or without a resource. With --withdraw all of them lose it first, and their access tokens end ${WITHIN}.`,
      example: `${SCOPES.example} --withdraw`,
      options: plainOptions({
        '--withdraw': 'take it from every client and user',
      }),
      call: (name: string, { withdraw = false }: { withdraw?: boolean }) => ({
        ...changeOf(SCOPES, name, { method: 'DELETE' }),
        query: { withdraw: String(withdraw) },
      }),
    },
    ...plainVerbs(SCOPES, {
      show: 'Print the declaration of a scope.',
    }),
    {
      usage: 'import <file>',
      description: `Declare the scopes of a JSON file, as in ${EXAMPLE_FILE}. A declared scope becomes as in the file, and scopes that are not in the file stay. ${ALL_OR_NOTHING} ${ASKED_AGAIN}`,
      example: EXAMPLE_FILE,
      async call(file: string) {
        const items = await readCatalogueFile(file, 'scopes', readScopeCreation, io)
        return { method: 'PATCH', path: SCOPES.path, body: { items: items.map(bodyOf) } }
      },
    },
  ])
  listVerb(noun, io, {
    description: 'Print the declared scopes in the order of their names, a line each.',
    example: '--json',
    path: SCOPES.path,
    columns: ['name', 'sensitive', 'self_registered', 'sentence'],
  })
  addCategoryCommands(program, io)
}
