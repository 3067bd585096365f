/** What is noted of a request while it is served, for the one line that the log gets of it. */

import { newCorrelationId } from '../crypto/correlation-id.ts'
import { Deadlines } from '../deadlines.ts'

/** Round trips to storage begun before the answer: a batch is one, a deletion counts as a write. */
export type StorageOperations = { d1: number; kvReads: number; kvWrites: number }

/** How it went, when it went wrong. */
export type Trouble = Readonly<{
  outcome: 'refused' | 'fault'
  /** RFC 6749 §5.2. */
  reason: string
  /** For the operator; never a secret. */
  detail: string
}>

export class RequestNote {
  readonly startedAtMs = Date.now()
  readonly deadlines = new Deadlines()
  readonly operations: StorageOperations = { d1: 0, kvReads: 0, kvWrites: 0 }
  /** The form, when one was read. */
  form: URLSearchParams | null = null
  trouble: Trouble | null = null
  #correlationId: string | undefined

  get correlationId(): string {
    this.#correlationId ??= newCorrelationId()
    return this.#correlationId
  }

  /** For the bindings that are counted. */
  readonly count = (kind: keyof StorageOperations, times: number) => {
    this.operations[kind] += times
  }
}
