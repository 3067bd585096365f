/** The first operator: a client that may administer, inserted through wrangler. Its secret stays in a private file. */

import { hexDigest } from '../../crypto/digest.ts'
import { randomId } from '../../crypto/random.ts'
import { mintToken } from '../../crypto/token.ts'
import { isPlaceholder, readConfigs } from '../../local/deploy-problems.ts'
import { firstOperatorSql, isOperatorSql, OPERATORS_SO_FAR } from '../../local/first-operator.ts'
import {
  OPERATOR_ID,
  type OperatorCredential,
  readCredential,
  writeCredential,
} from '../../local/operators.ts'
import { Refusal } from '../../local/refusal.ts'
import { databaseOf } from '../../local/wrangler-config.ts'
import type { Deployment, Row, Wrangler } from './outside.ts'
import { makeFolder, operatorFile, shownPath } from './secrets.ts'

const digested = async ({ clientId, clientSecret }: OperatorCredential) => ({
  clientId,
  secretDigest: await hexDigest(clientSecret),
})

/** `isKeptGood`: may the client of the file that an earlier run left administer with its secret? */
async function lookUp(wrangler: Wrangler, kept: OperatorCredential | null) {
  const ofKept = kept === null ? '' : isOperatorSql(await digested(kept))
  const answers = await wrangler.query(`${OPERATORS_SO_FAR};\n${ofKept}`)
  const [soFar = {}, ofFile = {}] = answers.map(([row]) => row as Row)
  if (typeof soFar.operators !== 'number') throw new Refusal('the answer of wrangler has no rows')
  return {
    operators: soFar.operators,
    hasCommandLine: soFar.has_command_line === 1,
    isKeptGood: ofFile.is_operator === 1,
  }
}

/** Written before the client is inserted, so that an interrupted run loses no secret. */
async function newOperator(deployment: Deployment): Promise<OperatorCredential> {
  const clientId = `${OPERATOR_ID}-${randomId()}`
  const credential = { clientId, clientSecret: mintToken('clientSecret') }
  await makeFolder(deployment.api)
  await writeCredential(operatorFile(deployment.api), credential)
  return credential
}

/** A credential that works is kept, so that a run after a lost answer makes no second operator. */
export async function settleOperator(deployment: Deployment): Promise<string> {
  const { api, wrangler, options } = deployment
  if (isPlaceholder(databaseOf(readConfigs().registry).database_id)) {
    throw new Refusal('there is no deployment yet: npm run deploy makes one, with its operator')
  }
  const file = operatorFile(api)
  const kept = await readCredential(file)
  const { operators, hasCommandLine, isKeptGood } = await lookUp(wrangler, kept)
  const isWanted = operators === 0 || (options.newOperator && !isKeptGood)
  const made = isWanted ? await newOperator(deployment) : null
  const sql = firstOperatorSql({
    operator: made && (await digested(made)),
    commandLine: !hasCommandLine,
    now: Math.floor(Date.now() / 1000),
  })
  if (sql !== '') await wrangler.query(sql)
  if (made) return `${made.clientId} made, its credential is in ${shownPath(file)}`
  if (isKeptGood) {
    const advice = options.newOperator ? ': move the file away to make another' : ''
    return `${kept?.clientId} may administer with the credential in ${shownPath(file)}${advice}`
  }
  return `${operators} found; npm run deploy -- --new-operator makes another`
}
