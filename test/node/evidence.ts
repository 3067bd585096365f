/** What a registry leaves behind, searched for every secret that it was told, was given or has made. */

import { isWellFormed, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'

export const KINDS = ['line', 'row', 'key', 'value', 'file', 'answer'] as const
export type Kind = (typeof KINDS)[number]
/** `where` says, without a secret, where it was found: a table, a request. */
export type Trace = Readonly<{ kind: Kind; where: string; text: string }>
/** By value: what it is. */
export type Secrets = ReadonlyMap<string, string>
export type Evidence = Readonly<{ secrets: Secrets; traces: readonly Trace[] }>
export type Counts = Readonly<Record<'secrets' | Kind, number>>

/** Of a wrong guess that is shorter than this, a test's `wrong`, every text is full. */
const MIN_LENGTH = 12
const CREDENTIAL = new RegExp(
  `(?:${Object.values(TOKEN_PREFIXES).join('|')})[\\w-]{43}[0-9A-Za-z]{6}`,
  'g',
)
const KINDS_OF_TOKEN = Object.keys(TOKEN_PREFIXES) as TokenKind[]

export const isSecret = (value: string) => value.length >= MIN_LENGTH

const formsOf = (value: string) => [...new Set([value, encodeURIComponent(value)])]

export const countsOf = ({ secrets, traces }: Evidence): Counts => ({
  secrets: secrets.size,
  ...(Object.fromEntries(
    KINDS.map((kind) => [kind, traces.filter((trace) => trace.kind === kind).length]),
  ) as Record<Kind, number>),
})

/** One sentence for each, with no secret in it. What was issued is to be taken out of an answer before. */
export function findSecrets({ secrets, traces }: Evidence): string[] {
  const known = [...secrets].map(([value, what]) => ({ what, forms: formsOf(value) }))
  const found = traces.flatMap(({ kind, where, text }) => {
    const held = known.filter(({ forms }) => forms.some((form) => text.includes(form)))
    // Also those that nobody has told us of.
    const minted = (text.match(CREDENTIAL) ?? []).flatMap((token) =>
      KINDS_OF_TOKEN.filter((tokenKind) => isWellFormed(tokenKind, token)),
    )
    return [...held.map(({ what }) => what), ...minted].map(
      (what) => `${kind}: ${where} holds a secret: ${what}`,
    )
  })
  return [...new Set(found)].sort()
}
