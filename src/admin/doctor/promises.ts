/** What the README promises, tried: a code is good once, a session is seen, a revocation within its bound. */

import {
  HEAL_SECONDS,
  KV_STALENESS_SECONDS,
  SESSION_REVOKED_WITHIN_SECONDS,
} from '../../domain/revocation.ts'
import { examinePkce, examineSingleUse } from './codes.ts'
import { type Check, type Finding, look, notChecked, ok, type Verdict } from './finding.ts'
import type { Patient } from './patient.ts'
import { examineFresh, examineRevocation, examineSession, SAME_STORAGE } from './sessions.ts'
import { newTrial } from './trial.ts'

/** How long a promise may take. */
export type Bounds = Readonly<{ seenSeconds: number; revokedSeconds: number }>

/** KV on one machine shows at once what is written. */
const SEEN_LOCALLY_SECONDS = 5
/** For what comes before and after the waiting. */
const SPARE_SECONDS = 30

const CLEAN_UP: Check = {
  name: 'clean-up',
  seconds: SPARE_SECONDS,
  toDo: 'Run the doctor again in ten minutes: it removes what a run before it left.',
}
const NO_SESSION = notChecked('no session was seen that could be revoked')
const NO_ADDRESS = notChecked(
  'where the authenticator serves is not known: give --authenticator URL',
)

export const boundsOf = ({ isDeployed }: Patient): Bounds => ({
  seenSeconds: isDeployed ? KV_STALENESS_SECONDS : SEEN_LOCALLY_SECONDS,
  revokedSeconds: SESSION_REVOKED_WITHIN_SECONDS,
})

/** In this order: what a line needs, a line before it has made. Whatever is made is removed at the end. */
export async function* examinePromises(
  patient: Patient,
  { seenSeconds, revokedSeconds } = boundsOf(patient),
): AsyncGenerator<Finding> {
  const { authenticatorUrl: url } = patient
  const trial = newTrial(patient)
  let token: string | undefined
  const atAuthenticator = (
    name: string,
    seconds: number,
    examine: (url: string) => Promise<Verdict>,
  ) =>
    look({ name, seconds: seconds + SPARE_SECONDS, toDo: SAME_STORAGE }, async () =>
      url === null ? NO_ADDRESS : examine(url),
    )
  try {
    yield await examinePkce(trial)
    yield await examineSingleUse(trial)
    yield await atAuthenticator('session', seenSeconds, (url) =>
      examineSession(patient, url, trial, seenSeconds, (opened) => {
        token = opened
      }),
    )
    yield await atAuthenticator('fresh', seenSeconds, (url) =>
      examineFresh(patient, url, trial, seenSeconds),
    )
    yield await atAuthenticator('revocation', revokedSeconds + HEAL_SECONDS, async (url) =>
      token === undefined ? NO_SESSION : examineRevocation(url, trial, token, revokedSeconds),
    )
  } finally {
    yield await look(CLEAN_UP, async () => {
      await trial.remove()
      return ok('what was made for this is removed')
    })
  }
}
