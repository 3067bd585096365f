/**
 * Scopes as a person chooses among them: each sentence is one choice, and the choices are grouped by what is done with the
 * data.
 */

import { foldText } from './fold-text.ts'
import { readHierarchy } from './scope.ts'
import type { DescribedScope } from './scope-catalogue.ts'

/** The gravest comes last. */
export const DEEDS = ['reading', 'changing', 'deleting'] as const
export type Deed = (typeof DEEDS)[number]

/** The first entry that matches a word of the scope counts. */
const WORDS: readonly (readonly [Deed, RegExp])[] = [
  ['deleting', /^(delete|remove|destroy|purge|erase)$/],
  [
    'changing',
    /^(write|create|update|edit|change|modify|manage|admin|add|send|post|put|set|full)$/,
  ],
  ['reading', /^(read|readonly|view|get|list|see|search|show|download)$/],
  // OpenID Connect Core §5.4.
  ['reading', /^(openid|profile|email|address|phone)$/],
]

/**
 * What a scope does, by the words of its name; in `domain:action[:resource]` by those of the action. A scope whose name does
 * not say what it does counts as changing, which is the cautious choice.
 */
function deedOf(scope: string): Deed {
  const words = (readHierarchy(scope)?.general.replace(/^.*:/, '') ?? scope)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
  const [deed] = WORDS.find(([, form]) => words.some((word) => form.test(word))) ?? ['changing']
  return deed
}

/** The scopes that share a sentence, which are allowed together. */
export type Choice = Readonly<{
  scopes: readonly string[]
  sentence: string
  isSensitive: boolean
  deed: Deed
}>

const gravest = (deeds: readonly Deed[]): Deed =>
  DEEDS.findLast((deed) => deeds.includes(deed)) as Deed

/** The choices have the order of the scopes. */
export function choicesOf(scopes: readonly DescribedScope[]): Choice[] {
  const bySentence = Map.groupBy(scopes, ({ sentence }) => foldText(sentence).trim())
  return [...bySentence.values()].map((alike) => ({
    scopes: alike.map(({ scope }) => scope),
    sentence: (alike[0] as DescribedScope).sentence,
    isSensitive: alike.some(({ isSensitive }) => isSensitive),
    deed: gravest(alike.map(({ scope }) => deedOf(scope))),
  }))
}
