/** How facts are made and worded. */

import type { ClientRecord } from '../../domain/client.ts'
import type { Fact, FactValue } from '../../pages/portal/check-page.tsx'
import type { Fields } from '../../protocol/fields.ts'
import type { Declared } from '../../stores/shown-client.ts'
import type { Seen } from './stores.ts'

/** A fact whose values are texts of the request or of the registration. */
export const exact = (name: string, ...values: readonly FactValue[]): Fact => ({ name, values })

/** A fact whose values are words. */
export const worded = (name: string, ...values: readonly string[]): Fact => ({
  name,
  values,
  isProse: true,
})

export type FactsOf = Readonly<{
  isToken: boolean
  client: ClientRecord
  declared: Declared
  fields: Fields
  authorization: string | null
  dpop: string | null
  seen: Seen
  issuer: string
  now: number
}>

const iso = (at: number) => new Date(at * 1000).toISOString()
export const day = (at: number) => iso(at).slice(0, 10)
export const second = (at: number) => `${iso(at).slice(0, 19)}Z`

export const MISSING = 'none'
export const orMissing = (values: readonly string[]) => (values.length === 0 ? [MISSING] : values)
