/** The text of a registry file in YAML or JSON, which is YAML too: reads its values, each with its line, and writes it. */

import {
  Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
} from 'yaml'
import { escaped } from '../text-form.ts'
import { type Entry, FILE_VERSION, fileForm } from './section.ts'
import { SECTIONS } from './sections.ts'

/** A fault of the file. `line` counts from 1. */
export type FileProblem = Readonly<{ line: number; message: string }>

export type Parsed = Readonly<{
  /** Null if there are problems. */
  value: unknown
  problems: readonly FileProblem[]
  /** The line of the value at this path, or of the nearest value around it. */
  lineOf: (path: readonly PropertyKey[]) => number
  /** Is the value at this path written without quotation marks? */
  isPlain: (path: readonly PropertyKey[]) => boolean
}>

const TOO_DEEP = 'the values are nested too deeply'
const STACK_OVERFLOW = /call stack/

/** The most errors that are shown, because one missing bracket causes many. */
const MAX_ERRORS = 1

const WORDS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'the member is given twice',
  MULTIPLE_DOCS: 'the file must hold one document, without a second line of ---',
}
/** The message of the parser without the place and the excerpt that it adds. */
const firstSentence = (message: string) =>
  STACK_OVERFLOW.test(message) ? TOO_DEEP : message.replace(/ at line \d+, column \d+:[\s\S]*$/, '')

/** YAML features with which a text could mean something else than a reader expects. */
function unwanted(node: Node | Pair | null): string | null {
  if (node === null) return null
  if (isPair(node)) return isScalar(node.key) ? null : 'the name of a member must be a text'
  if (isAlias(node)) return 'an alias (*) is not allowed: write the value'
  if ('anchor' in node && node.anchor !== undefined) return 'an anchor (&) is not allowed'
  return node.tag === undefined ? null : 'a tag (!) is not allowed'
}

const startOf = (node: unknown) => (node as Node | null | undefined)?.range?.[0]

/** The place of the value, and the value; the place of its parent if there is no value. */
function find(document: Document, path: readonly PropertyKey[]) {
  let node: unknown = document.contents
  let offset = 0
  for (const step of path) {
    const pair = isMap(node)
      ? // As JSON.parse does, this takes the last of several members with one name.
        node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(step))
      : undefined
    const next = pair ? pair.value : isSeq(node) ? node.items[Number(step)] : undefined
    offset = startOf(pair?.key ?? next) ?? offset
    node = next
  }
  return { node, offset }
}

function faultsIn(document: Document): [offset: number, message: string][] {
  const { errors, warnings, directives } = document
  const found = [...errors, ...warnings].map(({ pos, code, message }): [number, string] => [
    pos[0],
    WORDS[code] ?? firstSentence(message),
  ])
  if (found.length > 0) return found.slice(0, MAX_ERRORS)
  if (directives?.yaml.explicit) return [[0, 'a directive (%) is not allowed']]
  visit(document, (_key, node) => {
    const message = unwanted(node as Node | Pair | null)
    if (message !== null) found.push([startOf(isPair(node) ? node.key : node) ?? 0, message])
  })
  return found
}

/** Never throws, whatever the file contains. */
export function parseText(text: string): Parsed {
  const lineCounter = new LineCounter()
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line)
  try {
    const document = parseDocument(text, { lineCounter })
    const problems = faultsIn(document).map(([at, message]) => ({ line: lineAt(at), message }))
    return {
      value: problems.length > 0 ? null : document.toJS(),
      problems,
      lineOf: (path) => lineAt(find(document, path).offset),
      isPlain(path) {
        const { node } = find(document, path)
        return isScalar(node) && node.type === Scalar.PLAIN
      },
    }
  } catch (fault) {
    // The stack has overflowed here, or in the parser, which reports this as an error of the document.
    if (!(fault instanceof RangeError)) throw fault
    const problems = [{ line: 1, message: TOO_DEEP }]
    return { value: null, problems, lineOf: () => 1, isPlain: () => false }
  }
}

const HEADING = ` The registry as code: docs/registry-as-code.md. It holds no secret.`

/** Characters that a file must not contain unescaped: they could hide text from a reviewer, or end a line. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu

/** Line feeds are not replaced: inside a text they are escaped already. */
const withoutHidden = (text: string) =>
  text.replace(HIDDEN, (character) => (character === '\n' ? '\n' : escaped(character)))

/** The escapes of JSON in quotation marks are valid in YAML too. */
function yamlOf(content: object): string {
  const document = new Document(content, { aliasDuplicateObjects: false, compat: 'yaml-1.1' })
  document.commentBefore = HEADING
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && node.value.search(HIDDEN) !== -1)
        node.type = Scalar.QUOTE_DOUBLE
    },
  })
  return withoutHidden(document.toString({ lineWidth: 0 }))
}

const jsonOf = (content: object) => `${withoutHidden(JSON.stringify(content, null, 2))}\n`

export type FileFormat = 'yaml' | 'json'

/** `entries`: the entries by the section's name. */
export function registryText(
  entries: ReadonlyMap<string, readonly Entry[]>,
  format: FileFormat,
): string {
  const lists = SECTIONS.flatMap((section) => {
    const list = entries.get(section.name)
    return list ? [[section.name, list.map((entry) => fileForm(section, entry))] as const] : []
  })
  const content = { version: FILE_VERSION, ...Object.fromEntries(lists) }
  return format === 'json' ? jsonOf(content) : yamlOf(content)
}
