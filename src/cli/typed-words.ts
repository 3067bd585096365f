/** What was typed: every word of every command without the spaces around it. */

import type { Command } from 'commander'
import { Refusal } from '../local/refusal.ts'

/** A password may begin or end with a space. */
const AS_TYPED: readonly string[] = ['password']

/** Node decodes the bytes of the command line itself, and puts this where they are not UTF-8. */
const REPLACEMENT = '\uFFFD'

function requireText(what: string, text: string): string {
  if (text.includes(REPLACEMENT)) throw new Refusal(`${what} is not UTF-8 text`)
  return text
}

/** Spaces alone stay: an empty word can mean something, and nobody meant it. */
const tidy = (text: string) => text.trim() || text

/** For the hook before an action: options that repeat are split at spaces already. */
export function tidyTypedWords(command: Command) {
  for (const [index, word] of command.processedArgs.entries()) {
    if (typeof word === 'string')
      command.processedArgs[index] = tidy(requireText('an argument', word))
  }
  for (const option of command.options) {
    const name = option.attributeName()
    const value: unknown = command.getOptionValue(name)
    const what = option.long ?? name
    if (Array.isArray(value)) for (const one of value) requireText(what, String(one))
    if (typeof value !== 'string') continue
    const text = requireText(what, value)
    const source = command.getOptionValueSource(name) ?? 'cli'
    if (!AS_TYPED.includes(name)) command.setOptionValueWithSource(name, tidy(text), source)
  }
}
