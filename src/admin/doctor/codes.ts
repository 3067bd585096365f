/** Codes, tried at the token endpoint: bound by PKCE, and good once. */

import { digest } from '../../crypto/digest.ts'
import { randomText } from '../../crypto/random.ts'
import { type Check, type Finding, fail, look, ok } from './finding.ts'
import { IS_IT_UP, said, type Trial } from './trial.ts'

const AT_ONCE = 5
const IS_IT_THIS_SOURCE =
  'Is this source what is deployed? npm run deploy. If it is, stop sign-ins: take the route of the registry away.'
const PKCE: Check = { name: 'pkce', seconds: 30, toDo: IS_IT_UP }
const SINGLE_USE: Check = { name: 'single-use', seconds: 30, toDo: IS_IT_UP }

export const examinePkce = (trial: Trial): Promise<Finding> =>
  look(PKCE, async () => {
    const code = await trial.issueCode(await digest(randomText()))
    const answer = await trial.redeem(code, randomText())
    if (answer.token !== null) {
      return fail('a code was redeemed with a wrong code_verifier', IS_IT_THIS_SOURCE)
    }
    return answer.error === 'invalid_grant'
      ? ok('a wrong code_verifier is refused')
      : fail(`/token answered ${said(answer)} to a wrong code_verifier`, IS_IT_UP)
  })

export const examineSingleUse = (trial: Trial): Promise<Finding> =>
  look(SINGLE_USE, async () => {
    const verifier = randomText()
    const code = await trial.issueCode(await digest(verifier))
    const crowd = Array.from({ length: AT_ONCE }, () => trial.redeem(code, verifier))
    const answers = await Promise.all(crowd)
    const won = answers.filter(({ token }) => token !== null).length
    if (won === 1) return ok(`of ${AT_ONCE} redemptions of one code at once, one succeeds`)
    return won > 1
      ? fail(`one code was redeemed ${won} times of ${AT_ONCE} at once`, IS_IT_THIS_SOURCE)
      : fail(`a good code was refused: ${answers.map(said)[0]}`, IS_IT_UP)
  })
