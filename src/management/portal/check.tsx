/** `/clients/{id}/check`: checks a request of a client without its effects, and says why a request was refused. */

import { readCorrelationId } from '../../crypto/random.ts'
import { refuseTooMany } from '../../http/flood.ts'
import { type CheckedRequest, CheckPage } from '../../pages/portal/check-page.tsx'
import type { RefusalLookup } from '../../pages/portal/refusal-lookup.tsx'
import type { Refused } from '../../stores/refusals.ts'
import type { Declared, OwnClient } from '../../stores/shown-client.ts'
import { causeOf, remedyOfRefusal } from '../checker/causes.ts'
import { checkRequest } from '../checker/check.ts'
import { visible } from '../checker/masked.ts'
import { ownClientPage, type Showing } from './own-client.tsx'
import type { Visit } from './portal-page.tsx'

/** The field with the pasted text. */
const REQUEST = 'request'

type Found = OwnClient & Declared & Readonly<{ refusal: Refused | null }>

/** The refusal that was looked up, or null if the visitor looked up none. */
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

const pageOf = async (
  visit: Visit<Found>,
  { shared, headOf }: Showing,
  checked: CheckedRequest | null = null,
) => (
  <CheckPage {...shared} form={await headOf('check')} checked={checked} lookup={lookupOf(visit)} />
)

export const checkPage = ownClientPage<Found>({
  page: 'check',
  secretField: REQUEST,
  read: ({ reader, visitor, c }) =>
    reader.clientAndRefusal(
      visitor,
      c.req.param('client_id') ?? '',
      readCorrelationId(c.req.query('reference') ?? '') ?? '',
      c.var.request.now,
    ),
  show: pageOf,
  words: { undone: 'checked' },
  forms: {
    // Nothing is changed, so a client that was changed since the page was opened is checked as it is now.
    check: {
      async perform({ visit, posted, send }) {
        const { deps, found, session, user, c } = visit
        // A guess does not count as a failure, so the number of checks of a user is limited.
        const counted = [{ key: `checks of ${user.userId}`, what: 'checks' }]
        await refuseTooMany(c, deps.loginLimit, counted, 'Too many requests were checked.')
        const { now, nowMs } = c.var.request
        const asked = { client: found.client, declared: found, session: session.record, now, nowMs }
        const result = await checkRequest(posted.get(REQUEST) ?? '', asked, deps)
        const problem =
          'problem' in result
            ? { sentence: 'Nothing was checked.', errors: { [REQUEST]: result.problem } }
            : null
        const checked = 'problem' in result ? null : result
        const notice = { problem, status: problem ? 400 : 200 }
        return send(visit, notice, (showing) => pageOf(visit, showing, checked))
      },
    },
  },
})
