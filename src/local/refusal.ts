/** A problem that the operator can correct. It is shown as one line, without a stack, and never contains a secret. */
export class Refusal extends Error {
  override name = 'Refusal'
}

/** One line about any fault, for standard error. */
export const oneLine = (fault: unknown) =>
  (fault instanceof Error ? fault.message : String(fault)).replace(/\s*\n\s*/g, ' ').trim()
