/** Why a change of a registration is refused, for the command line and for the management API. */

export { quote } from '../../domain/registration.ts'

export type RegistrationErrorKind =
  | 'invalid'
  | 'not_found'
  | 'conflict'
  | 'stale'
  | 'forbidden'
  | 'too_often'

/** How a caller writes the name of a field, and the value that stands for none. */
export type Words = Readonly<{ nameOf: (field: string) => string; empty: string }>

const IN_JSON: Words = { nameOf: (field) => field, empty: 'null' }

/** `message` uses the names and values of JSON. It never contains a secret. */
export class RegistrationError extends Error {
  override name = 'RegistrationError'
  readonly kind: RegistrationErrorKind
  /** The name of the field in snake_case, as in documents; null if the refusal is not about a field. */
  readonly field: string | null
  readonly #sentence: string

  /** `sentence` has `{field}` in the place of the field's name, and `{empty}` in the place of the value for none. */
  constructor(kind: RegistrationErrorKind, sentence: string, field: string | null = null) {
    super(inWords(sentence, field, IN_JSON))
    this.kind = kind
    this.field = field
    this.#sentence = sentence
  }

  in(words: Words): string {
    return inWords(this.#sentence, this.field, words)
  }
}

const inWords = (sentence: string, field: string | null, { nameOf, empty }: Words) =>
  sentence
    .replaceAll('{empty}', () => empty)
    .replaceAll('{field}', () => (field === null ? 'the value' : nameOf(field)))

type Refuse = (sentence: string, field?: string | null) => RegistrationError
const refusing =
  (kind: RegistrationErrorKind): Refuse =>
  (sentence, field = null) =>
    new RegistrationError(kind, sentence, field)

export const invalid = refusing('invalid')
export const notFound = refusing('not_found')
export const conflict = refusing('conflict')
export const forbidden = refusing('forbidden')
export const stale = refusing('stale')
