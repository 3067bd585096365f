/** The words of one command, as a POSIX shell reads it, with the quotes $'…' of bash. Nothing is run or replaced. */

/** `notes`: sentences about what a shell does and this does not. */
type ShellWords = Readonly<{ words: readonly string[]; notes: readonly string[] }>

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', e: '\x1b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?' },
}
const NUMBERED = /^(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3}))/
const LAST_CODE_POINT = 0x10ffff
/** As in `$NAME`, `${NAME}` and `$(…)`. */
const REPLACED = /^\$(?:\{?(\w{1,64})|\()/
const ENDS = '|;&<>()'

const UNFINISHED = 'A quote is opened and not closed. The text up to the end was taken as quoted.'

/** The character after a backslash within $'…', and how long its name is. */
function escaped(rest: string): readonly [character: string, length: number] {
  const [whole, x, u, U, octal] = NUMBERED.exec(rest) ?? []
  if (whole === undefined) {
    const [first = ''] = rest
    return [ESCAPES[first] ?? `\\${first}`, first.length]
  }
  const code = octal === undefined ? Number.parseInt(x ?? u ?? U ?? '0', 16) : Number(`0o${octal}`)
  return [code <= LAST_CODE_POINT ? String.fromCodePoint(code) : '', whole.length]
}

class Reader {
  readonly notes = new Set<string>()
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  words(): string[] {
    const words: string[] = []
    while (this.skipSpace()) words.push(this.word())
    if (this.text.slice(this.at).trim() !== '') {
      this.notes.add(
        ENDS.includes(this.text[this.at] ?? '')
          ? `Outside quotes, ${this.text[this.at]} ends a command. What follows it was not read.`
          : 'Only the first command was read.',
      )
    }
    return words
  }

  /** False at the end of the command. */
  private skipSpace(): boolean {
    let isNewLine = false
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] as string
      if (this.isContinued()) {
        this.at += this.text[this.at + 1] === '\r' ? 2 : 1
      } else if (character === '\n') isNewLine = true
      else if (!' \t\r'.includes(character)) {
        // A line that begins with an option goes on with the command, although a shell would not.
        if (character === '#' || (isNewLine && character !== '-')) return false
        return !ENDS.includes(character)
      }
    }
    return false
  }

  /** A line that goes on ends with a backslash, in Windows with `^`, in PowerShell with a backtick. */
  private isContinued() {
    return (
      '\\^`'.includes(this.text[this.at] ?? ' ') &&
      /^\r?\n/.test(this.text.slice(this.at + 1, this.at + 3))
    )
  }

  private word(): string {
    const parts: string[] = []
    while (this.at < this.text.length) {
      const character = this.text[this.at] as string
      if (' \t\r\n'.includes(character) || ENDS.includes(character) || this.isContinued()) break
      if (character === "'") parts.push(this.single())
      else if (character === '"') parts.push(this.double())
      else if (character === '$' && this.text[this.at + 1] === "'") parts.push(this.ansi())
      else parts.push(this.plain(character))
    }
    return parts.join('')
  }

  private plain(character: string): string {
    if (character === '$' || character === '`') this.noteReplacement()
    if (character !== '\\') {
      this.at += 1
      return character
    }
    this.at += 2
    return this.text[this.at - 1] ?? ''
  }

  private noteReplacement() {
    const [whole, name] = REPLACED.exec(this.text.slice(this.at, this.at + 80)) ?? []
    if (this.text[this.at] === '`' || (whole !== undefined && name === undefined)) {
      this.notes.add('A command within the command was not run. Write its result in its place.')
    } else if (name !== undefined) {
      this.notes.add(`$${name} is not known here. Write its value in its place.`)
    }
  }

  private single(): string {
    const end = this.text.indexOf("'", this.at + 1)
    if (end === -1) this.notes.add(UNFINISHED)
    const quoted = this.text.slice(this.at + 1, end === -1 ? undefined : end)
    this.at = end === -1 ? this.text.length : end + 1
    return quoted
  }

  private double(): string {
    const parts: string[] = []
    for (this.at += 1; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] as string
      if (character === '"') {
        this.at += 1
        return parts.join('')
      }
      if (character === '$' || character === '`') this.noteReplacement()
      const next = this.text[this.at + 1] ?? ''
      if (character === '\\' && '$`"\\\n'.includes(next) && next !== '') {
        this.at += 1
        if (next !== '\n') parts.push(next)
      } else parts.push(character)
    }
    this.notes.add(UNFINISHED)
    return parts.join('')
  }

  private ansi(): string {
    const parts: string[] = []
    for (this.at += 2; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] as string
      if (character === "'") {
        this.at += 1
        return parts.join('')
      }
      if (character === '\\') {
        const [one, length] = escaped(this.text.slice(this.at + 1, this.at + 10))
        parts.push(one)
        this.at += length
      } else parts.push(character)
    }
    this.notes.add(UNFINISHED)
    return parts.join('')
  }
}

export function shellWords(text: string): ShellWords {
  const reader = new Reader(text)
  const words = reader.words()
  return { words, notes: [...reader.notes] }
}
