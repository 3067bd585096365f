/** Searches the storage, log and responses of a registry for every secret that it received or created. */

import { isWellFormed, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'

export const KINDS = ['line', 'row', 'key', 'value', 'file', 'answer'] as const
export type Kind = (typeof KINDS)[number]
/** `where` names the place, such as a table or a request, without a secret. */
export type Trace = Readonly<{ kind: Kind; where: string; text: string }>
/** The kind of each secret, by its value. */
export type Secrets = ReadonlyMap<string, string>
export type Evidence = Readonly<{ secrets: Secrets; traces: readonly Trace[] }>
export type Counts = Readonly<Record<'secrets' | Kind, number>>

/** A shorter value, such as a wrong password of a test, may occur in other text by chance. */
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

/** One line for each finding, without the secret. The caller first removes the secrets that a response issues. */
export function findSecrets({ secrets, traces }: Evidence): string[] {
  const known = [...secrets].map(([value, what]) => ({ what, forms: formsOf(value) }))
  const found = traces.flatMap(({ kind, where, text }) => {
    const held = known.filter(({ forms }) => forms.some((form) => text.includes(form)))
    // Also finds credentials that were not recorded.
    const minted = (text.match(CREDENTIAL) ?? []).flatMap((token) =>
      KINDS_OF_TOKEN.filter((tokenKind) => isWellFormed(tokenKind, token)),
    )
    return [...held.map(({ what }) => what), ...minted].map(
      (what) => `${kind}: ${where} holds a secret: ${what}`,
    )
  })
  return [...new Set(found)].sort()
}
