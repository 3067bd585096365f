/** An act of a form: the purpose of the form, whether it is up to date, and what the page shows of a refusal. */

import { ownerActor } from '../../flows/registration/own-clients.ts'
import { formToken, whyOutOfDate } from '../../http/form-token.ts'
import type { FormHead, Hidden } from '../../pages/parts.tsx'
import type { FormProblem } from '../../pages/portal/frame.tsx'
import type { OAuthError } from '../../protocol/errors.ts'
import { RegistrationError, type Words } from '../../protocol/registration/errors.ts'
import { asSentence, notFound } from '../page.ts'
import type { Visit } from './portal-page.tsx'

type AnyVisit = Pick<Visit<unknown>, 'c' | 'deps' | 'session' | 'user'>

/** The purpose of a form. `version`: the version of the record that its page showed. */
type Purpose = Readonly<{ form: string; id: string; version: string | number }>

const inOrder = ({ form, id, version }: Purpose) => ['portal', form, id, String(version)]

/** The address of a form, and its hidden fields: those that `attempt` reads, and `more`. */
export const formHead = async (
  { session }: Pick<AnyVisit, 'session'>,
  action: string,
  purpose: Purpose,
  more: Hidden,
): Promise<FormHead> => ({
  action,
  hidden: [
    ['version', String(purpose.version)],
    ['form_token', await formToken(session.token, inOrder(purpose))],
    ...more,
  ],
})

type Labels = Readonly<Record<string, string>>

export type FormWords = Readonly<{
  labels?: Labels
  /** What a refused form did not do, after the words “Nothing was”. The default is “changed”. */
  undone?: string
  /** Fields of a refusal that have another name in the form. */
  aliases?: Readonly<Record<string, string>>
}>
type Form = FormWords & Readonly<{ form: string; id: string }>

export type Refused = Readonly<{
  kind: 'refused'
  status: number
  problem: FormProblem
  refusal: OAuthError | null
}>

const nothingWas = (undone = 'changed') => `Nothing was ${undone}`
const OUT_OF_DATE =
  'because the page was out of date. Check who is signed in and what the page says now, then send the form again.'
const CHANGED =
  'because the client has been changed since you opened the page. Check what the page says now, then send the form again.'
const CHECK = 'Correct what is marked, then send the form again.'

const STATUSES = {
  invalid: 400,
  conflict: 409,
  stale: 409,
  forbidden: 403,
  too_often: 429,
} as const

/** Throws 404 for a client that this user does not own, or no longer owns. */
function refusedBy(
  causes: readonly RegistrationError[],
  { labels = {}, aliases = {}, undone }: FormWords,
): Refused {
  const words: Words = { nameOf: (field) => labels[field] ?? field, empty: 'nothing' }
  const errors: Record<string, string> = {}
  let [sentence, status] = [`${nothingWas(undone)}. ${CHECK}`, 400]
  for (const cause of causes) {
    const { kind } = cause
    const field = cause.field === null ? null : (aliases[cause.field] ?? cause.field)
    if (kind === 'not_found') throw notFound()
    status = STATUSES[kind]
    if (field !== null && field in labels) errors[field] ??= asSentence(cause.in(words))
    else
      sentence =
        kind === 'stale' ? `${nothingWas(undone)}, ${CHANGED}` : asSentence(cause.in(words))
  }
  return { kind: 'refused', status, problem: { sentence, errors }, refusal: null }
}

/** A form of an earlier sign-in has no effect; a forged form throws `access_denied`. */
export async function attempt<Done>(
  visit: AnyVisit,
  posted: URLSearchParams,
  { form, id, ...words }: Form,
  act: (version: number) => Promise<Done>,
): Promise<Readonly<{ kind: 'done'; done: Done }> | Refused> {
  const { c, session } = visit
  const version = posted.get('version') ?? ''
  const token = posted.get('form_token') ?? undefined
  const purpose = inOrder({ form, id, version })
  const refusal = await whyOutOfDate(c, token, session.token, purpose)
  if (refusal) {
    const problem = { sentence: `${nothingWas(words.undone)}, ${OUT_OF_DATE}`, errors: {} }
    return { kind: 'refused', status: refusal.status, problem, refusal }
  }
  try {
    return { kind: 'done', done: await act(Number(version)) }
  } catch (cause) {
    if (cause instanceof RegistrationError) return refusedBy([cause], words)
    if (cause instanceof FormErrors) return refusedBy(cause.errors, words)
    throw cause
  }
}

/** The error for several wrong fields. */
class FormErrors extends Error {
  readonly errors: readonly RegistrationError[]

  constructor(errors: readonly RegistrationError[]) {
    super('several fields are wrong')
    this.errors = errors
  }
}

/** Makes all checks, and throws `FormErrors` with everything that they refuse. */
export function requireAll(checks: readonly (() => unknown)[]) {
  const errors = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (cause) {
      if (cause instanceof RegistrationError) return [cause]
      throw cause
    }
  })
  if (errors.length > 0) throw new FormErrors(errors)
}

export const actOf = ({ c, deps, user }: AnyVisit) => ({
  actor: ownerActor(user.userId),
  now: c.var.request.now,
  ports: deps.ports,
})
