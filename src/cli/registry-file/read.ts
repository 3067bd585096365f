/** Reads a registry file: its sections, and every problem with its line and field. */

import type * as z from 'zod/mini'
import { isObject } from '../../domain/json-object.ts'
import { pathText } from '../../protocol/strict-json.ts'
import { type Entry, FILE_VERSION, type Section } from './section.ts'
import { SECTIONS } from './sections.ts'
import { type FileProblem, type Parsed, parseText } from './text.ts'

export type Item = Readonly<{
  line: number
  /** The name of the item for people: `client reading-list`, or `clients[3]` if there is no id. */
  label: string
  id: string | null
  /** The value in the file. */
  raw: unknown
  /** Null if the item has problems. */
  entry: Entry | null
  problems: readonly FileProblem[]
  /** Sentences for people, without a full stop. */
  notes: readonly string[]
}>

export type RegistryFile = Readonly<{
  /** The items by the section's name. A section that the file lacks is not included. */
  items: ReadonlyMap<string, readonly Item[]>
  /** Problems of the file as a whole. If there is one, there are no items. */
  problems: readonly FileProblem[]
}>

const MAX_IN_LABEL_LENGTH = 80

/** The sentence has the form that the schemas of the fields have. */
function inWords(sentence: string, field: string): string {
  const text = sentence.replaceAll('{empty}', 'null')
  return text.includes('{field}') ? text.replaceAll('{field}', () => field) : `${field}: ${text}`
}

/** The place of an item, and what turns a place in it into a problem. */
type Place = Readonly<{
  label: string
  lineOf: (path: readonly PropertyKey[]) => number
  /** Is the value at this path written without quotation marks? */
  isPlain: (path: readonly PropertyKey[]) => boolean
}>

function problemsOf(issue: z.core.$ZodIssue, { label, lineOf, isPlain }: Place): FileProblem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      line: lineOf([...path, key]),
      message: `${label}: there is no member ${JSON.stringify(key)}`,
    }))
  }
  const sentence = inWords(issue.message, pathText(path))
  // In YAML `name: 123` is a number and `name: true` is a boolean.
  const isUnquoted = /must be text/.test(sentence) && issue.input !== null && isPlain(path)
  const message = `${label}: ${sentence}${isUnquoted ? ', so put it in quotation marks' : ''}`
  return [{ line: lineOf(path), message }]
}

async function readItem(raw: unknown, section: Section, place: Place): Promise<Item> {
  const { label, lineOf } = place
  const given = isObject(raw) ? raw[section.id] : undefined
  const id = typeof given === 'string' ? given : null
  const item = { line: lineOf([]), label, id, raw, entry: null, notes: [] }
  const at = (field: string, message: string): FileProblem => ({
    line: lineOf([field]),
    message: `${label}: ${message}`,
  })
  if (!isObject(raw)) {
    return { ...item, problems: [at('', `must be an entry with members, as in ${section.id}: …`)] }
  }
  if (id !== null && section.isOwn(id)) {
    const message = `this ${section.noun} belongs to the registry itself: a file cannot change it`
    return { ...item, problems: [at(section.id, message)] }
  }
  const read = section.schema.safeParse(raw, { reportInput: true })
  if (!read.success) {
    const problems = read.error.issues.flatMap((issue) => problemsOf(issue, place))
    return { ...item, problems: problems.sort((a, b) => a.line - b.line) }
  }
  const { entry, problems, notes } = await section.complete({ ...section.defaults, ...read.data })
  if (problems.length === 0) {
    // A URI may be written in another form than the one that is stored.
    const kept = String(entry[section.id])
    return { ...item, id: kept, entry, problems: [], notes: notes.map((one) => `${label}: ${one}`) }
  }
  const found = problems.map(({ field, sentence }) => at(field, inWords(sentence, field)))
  return { ...item, problems: found }
}

function labelOf(raw: unknown, { name, noun, id }: Section, index: number): string {
  const given = isObject(raw) ? raw[id] : undefined
  const isShown = typeof given === 'string' && given !== '' && given.length <= MAX_IN_LABEL_LENGTH
  return isShown ? `${noun} ${given}` : `${name}[${index}]`
}

type Name = Readonly<{ field: string; key: string | null }>

/** The names of an item that no other item may have. */
function namesOf({ id, entry }: Item, section: Section): Name[] {
  const { otherName } = section
  return [
    { field: section.id, key: id },
    ...(otherName ? [{ field: otherName.field, key: entry && otherName.keyOf(entry) }] : []),
  ]
}

/** Adds a problem to each item that has the name of an earlier item. */
function withRepeated(items: readonly Item[], section: Section): Item[] {
  const firstBy = new Map<string, Item>()
  return items.map((item) => {
    const repeated = namesOf(item, section).flatMap(({ field, key }): FileProblem[] => {
      if (key === null) return []
      const named = `${field} ${key}`
      const first = firstBy.get(named)
      if (!first) firstBy.set(named, item)
      const { line, label } = item
      return first
        ? [{ line, message: `${label}: ${field} is that of line ${first.line} too` }]
        : []
    })
    if (repeated.length === 0) return item
    return { ...item, entry: null, problems: [...item.problems, ...repeated] }
  })
}

async function readSection(list: readonly unknown[], section: Section, parsed: Parsed) {
  const items: Item[] = []
  for (const [index, raw] of list.entries()) {
    const inFile = (path: readonly PropertyKey[]) => [section.name, index, ...path]
    const place: Place = {
      label: labelOf(raw, section, index),
      lineOf: (path) => parsed.lineOf(inFile(path)),
      isPlain: (path) => parsed.isPlain(inFile(path)),
    }
    items.push(await readItem(raw, section, place))
  }
  return withRepeated(items, section)
}

function problemsOfWhole({ value, lineOf }: Parsed) {
  if (!isObject(value)) {
    const message = `the file must begin with version: ${FILE_VERSION}, followed by sections`
    return [{ line: 1, message }]
  }
  const names = SECTIONS.map(({ name }) => name)
  const problems: FileProblem[] = []
  if (value.version !== FILE_VERSION) {
    problems.push({ line: lineOf(['version']), message: `version must be ${FILE_VERSION}` })
  }
  for (const [name, section] of Object.entries(value)) {
    const line = lineOf([name])
    if (name === 'version') continue
    if (!names.includes(name)) {
      const message = `there is no section ${JSON.stringify(name)}: there are ${names.join(', ')}`
      problems.push({ line, message })
    } else if (!Array.isArray(section)) {
      problems.push({ line, message: `${name} must be a list: write [] for an empty one` })
    }
  }
  return problems
}

/** Never throws, whatever the file contains. */
export async function readRegistryFile(text: string): Promise<RegistryFile> {
  const parsed = parseText(text)
  if (parsed.problems.length > 0) return { items: new Map(), problems: parsed.problems }
  const problems = problemsOfWhole(parsed)
  if (problems.length > 0) return { items: new Map(), problems }
  const items = new Map<string, readonly Item[]>()
  for (const section of SECTIONS) {
    const list = (parsed.value as Partial<Record<string, readonly unknown[]>>)[section.name]
    if (list) items.set(section.name, await readSection(list, section, parsed))
  }
  return { items, problems: [] }
}
