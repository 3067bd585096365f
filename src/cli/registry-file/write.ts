/** Writes a registry file. */

import { Document, Scalar, visit } from 'yaml'
import type { Entry } from './entry.ts'
import { FILE_VERSION } from './read.ts'
import { fileForm, type Section } from './section.ts'

const HEADING = ` The registry as code: docs/registry-as-code.md. It holds no secret.`

/** What a file must not hold as it is: it could hide text from a reviewer, or end a line. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u

/** Line feeds stay: inside a text they are escaped already. */
const withoutHidden = (text: string) =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu, (character) =>
    character === '\n' ? '\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** In quotation marks the escapes of JSON are those of YAML too. */
function yamlOf(content: object): string {
  const document = new Document(content, { aliasDuplicateObjects: false, compat: 'yaml-1.1' })
  document.commentBefore = HEADING
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && HIDDEN.test(node.value)) node.type = Scalar.QUOTE_DOUBLE
    },
  })
  return withoutHidden(document.toString({ lineWidth: 0 }))
}

const jsonOf = (content: object) => `${withoutHidden(JSON.stringify(content, null, 2))}\n`

export type FileFormat = 'yaml' | 'json'

/** `entries` by the section's name. */
export function registryText(
  entries: ReadonlyMap<string, readonly Entry[]>,
  sections: readonly Section[],
  format: FileFormat,
): string {
  const lists = sections.flatMap((section) => {
    const list = entries.get(section.name)
    return list ? [[section.name, list.map((entry) => fileForm(section, entry))] as const] : []
  })
  const content = { version: FILE_VERSION, ...Object.fromEntries(lists) }
  return format === 'json' ? jsonOf(content) : yamlOf(content)
}
