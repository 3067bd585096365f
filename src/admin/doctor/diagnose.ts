/** The whole examination: first what needs nothing, then what is tried. */

import type { Storage } from '../../operate/state.ts'
import type { Io } from '../verb.ts'
import { examineConfiguration, examineD1, examineKv } from './bindings.ts'
import type { Finding } from './finding.ts'
import { examineHealth, examineIssuer } from './front.ts'
import { meetPatient } from './patient.ts'
import { examinePromises } from './promises.ts'
import { examineCron, examineProxySecret, examineSchema, examineSecret } from './upkeep.ts'

/** None of these waits for another. */
const AT_ONCE = [
  examineConfiguration,
  examineD1,
  examineKv,
  examineSchema,
  examineSecret,
  examineProxySecret,
  examineIssuer,
  examineHealth,
  examineCron,
]

/** `authenticatorUrl` goes before what is known otherwise. */
export async function* diagnose(
  io: Io,
  isDeployed: boolean,
  authenticatorUrl: string | null,
  storage: Storage,
): AsyncGenerator<Finding> {
  const patient = await meetPatient(io, isDeployed, authenticatorUrl, storage)
  for (const finding of AT_ONCE.map((examine) => examine(patient))) yield await finding
  yield* examinePromises(patient)
}
