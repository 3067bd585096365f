/** `/clients/{id}/check`: checks a request of a client without its effects, and says why one was refused. */

import { readCorrelationId } from '../../crypto/random.ts'
import { refuseTooMany } from '../../http/flood.ts'
import { CheckPage } from '../../pages/portal/check-page.tsx'
import type { RefusalLookup } from '../../pages/portal/refusal-lookup.tsx'
import type { Refused } from '../../stores/refusals.ts'
import type { Declared, OwnClient } from '../../stores/shown-client.ts'
import { causeOf, remedyOfRefusal } from '../checker/causes.ts'
import { type CheckResult, checkRequest } from '../checker/check.ts'
import { visible } from '../checker/masked.ts'
import { attempt, clientFormFields, type Refused as RefusedForm } from './attempt.ts'
import { sharedProps } from './own-client.tsx'
import { portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'check'
/** The pasted text. */
const REQUEST = 'request'

type Found = OwnClient & Declared & Readonly<{ refusal: Refused | null }>

/** What was asked for and is there, or null if nothing was asked for. */
function lookupOf({ c, found: { client, refusal } }: Visit<Found>): RefusalLookup | null {
  const reference = c.req.query('reference')
  if (reference === undefined || reference === '') return null
  return {
    typed: visible(reference, 20),
    found: refusal && {
      refusedAt: refusal.refusedAt,
      endpoint: visible(refusal.endpoint, 100),
      error: visible(refusal.error, 40),
      cause: causeOf(refusal.detail),
      remedy: remedyOfRefusal(refusal, client),
    },
  }
}

async function show(visit: Visit<Found>, result: CheckResult | null, refused?: RefusedForm) {
  const page = (
    <CheckPage
      {...(await sharedProps(visit, { problem: refused?.problem ?? problemIn(result) }))}
      hidden={await clientFormFields(visit, FORM, visit.found.client)}
      checked={result !== null && 'steps' in result ? result : null}
      lookup={lookupOf(visit)}
    />
  )
  return sendPortalPage(visit, page, refused ?? { status: problemIn(result) ? 400 : 200 })
}

const problemIn = (result: CheckResult | null) =>
  result !== null && 'problem' in result
    ? { sentence: 'Nothing was checked.', errors: { [REQUEST]: result.problem } }
    : null

export const checkPage = portalPage<Found>({
  path: '/clients/:client_id/check',
  secretField: REQUEST,
  read: ({ reader, visitor, c }) =>
    reader.clientAndRefusal(
      visitor,
      c.req.param('client_id') ?? '',
      readCorrelationId(c.req.query('reference') ?? '') ?? '',
      c.var.request.now,
    ),
  get: (visit) => show(visit, null),
  async post(visit, form) {
    const { deps, found, session, user, c } = visit
    const { clientId } = found.client
    // Nothing is changed, so a client that was changed since the page was opened is checked as it is now.
    const attempted = await attempt(
      visit,
      form,
      { form: FORM, id: clientId, undone: 'checked' },
      async () => {
        // A guess is not counted as a failure, so the number of checks of a user is limited.
        const counted = [{ key: `checks of ${user.userId}`, what: 'checks' }]
        await refuseTooMany(c, deps.loginLimit, counted, 'Too many requests were checked.')
        const { now, nowMs } = c.var.request
        const asked = { client: found.client, declared: found, session: session.record, now, nowMs }
        return checkRequest(form.get(REQUEST) ?? '', asked, deps)
      },
    )
    return attempted.kind === 'refused' ? show(visit, null, attempted) : show(visit, attempted.done)
  },
})
