/** The whole examination: first what needs nothing, then what is tried. */

import type { Storage } from '../../operate/state.ts'
import type { Io } from '../verb.ts'
import { examineConfiguration, examineD1, examineKv } from './bindings.ts'
import type { Finding } from './finding.ts'
import { examineHealth, examineIssuer } from './front.ts'
import { type Examined, meetPatient } from './patient.ts'
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

export async function* diagnose(
  io: Io,
  examined: Examined,
  storage: Storage,
): AsyncGenerator<Finding> {
  const patient = await meetPatient(io, examined, storage)
  for (const finding of AT_ONCE.map((examine) => examine(patient))) yield await finding
  yield* examinePromises(patient)
}
