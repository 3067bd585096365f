/** Reads the mistakes in `mistakes.txt`, which describes their format. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Mistake = Readonly<{
  file: string
  original: string
  replacement: string
  /** The test file that must fail. */
  killer: string
}>

const HEADING = /^(test\/\S+)$/
const MISTAKE = /^ {2}(\S+): (.+?) →(?: (.*))?$/

/** Throws on a line that is not a heading, a mistake, blank, or part of the introduction. */
export function parseMistakes(text: string): Mistake[] {
  const [, ...sections] = text.split('\n\n')
  return sections.flatMap((section) => {
    const [heading = '', ...lines] = section.trimEnd().split('\n')
    const [, killer] = HEADING.exec(heading) ?? []
    if (killer === undefined) throw new Error(`not a test file: ${heading}`)
    return lines.map((line) => {
      const [, file = '', original = '', replacement = ''] = MISTAKE.exec(line) ?? []
      if (original === '') throw new Error(`not a mistake: ${line}`)
      const [before, after] = [original, replacement].map((part) => part.replaceAll('⏎', '\n'))
      return { file, original: before ?? '', replacement: after ?? '', killer }
    })
  })
}

export const MISTAKES = parseMistakes(
  readFileSync(join(import.meta.dirname, 'mistakes.txt'), 'utf8'),
)
