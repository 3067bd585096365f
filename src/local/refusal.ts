/** A problem that the operator can correct: shown as one line, without a stack. It never holds a secret. */
export class Refusal extends Error {
  override name = 'Refusal'
}

/** One line about any fault, for standard error. */
export const oneLine = (fault: unknown) =>
  (fault instanceof Error ? fault.message : String(fault)).replace(/\s*\n\s*/g, ' ').trim()
