/** The words of one command, as a POSIX shell reads them, with the quotes $'…' of bash. Nothing is run or substituted. */

/** `notes`: sentences about what a shell would do and this function does not. */
type ShellWords = Readonly<{ words: readonly string[]; notes: readonly string[] }>
type Note = (sentence: string) => void

const UNFINISHED = 'A quote is opened and not closed. The text up to the end was taken as quoted.'
const COMMAND = 'A command within the command was not run. Write its result in its place.'

const noteReplaced = (name: string | undefined, note: Note) =>
  note(name === undefined ? COMMAND : `$${name} is not known here. Write its value in its place.`)

/** A shell substitutes a backtick, `$NAME`, `${NAME}` or `$(…)`. A backslash before its first character prevents this. */
const REPLACED_IN_QUOTES = /\\[\s\S]|`|\$(?=\{?(\w{1,64})|\()/g

function inDoubleQuotes(text: string, note: Note): string {
  for (const [found, name] of text.matchAll(REPLACED_IN_QUOTES)) {
    if (!found.startsWith('\\')) noteReplaced(name, note)
  }
  return text.replace(/\\([$`"\\\n])/g, (_, kept: string) => (kept === '\n' ? '' : kept))
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', e: '\x1b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '?': '?' },
}
/** Matches hexadecimal digits after x, u or U, octal digits, or one character. */
const ESCAPED =
  /\\(?:[xuU]((?<=x)[\da-fA-F]{1,2}|(?<=u)[\da-fA-F]{1,4}|(?<=U)[\da-fA-F]{1,8})|([0-7]{1,3})|[\s\S]?)/g
const LAST_CODE_POINT = 0x10ffff

/** Resolves the escapes within $'…'. */
const unescaped = (text: string) =>
  text.replace(ESCAPED, (whole, hex?: string, octal?: string) => {
    const digits = hex ?? octal
    if (digits === undefined) return ESCAPES[whole.slice(1)] ?? whole
    const code = Number.parseInt(digits, hex === undefined ? 8 : 16)
    return code <= LAST_CODE_POINT ? String.fromCodePoint(code) : ''
  })

/** Turns what the pattern of a part found into the text of the part. */
type ReadPart = (found: readonly string[], note: Note) => string

const quoted =
  (read: (text: string, note: Note) => string): ReadPart =>
  ([, text = '', end], note) => {
    const meaning = read(text, note)
    if (end === '') note(UNFINISHED)
    return meaning
  }

/** The parts of a word: the first pattern that matches counts. A quote that is not closed extends to the end of the text. */
const PARTS: readonly (readonly [RegExp, ReadPart])[] = [
  [/'([^']*)('?)/y, quoted((text) => text)],
  [/"((?:[^"\\]|\\[\s\S]?)*)("?)/y, quoted(inDoubleQuotes)],
  [/\$'((?:[^'\\]|\\[\s\S]?)*)('?)/y, quoted(unescaped)],
  // A part that a shell would substitute stays unchanged.
  [
    /`(?!\r?\n)|\$(?=\{?(\w{1,64})|\()/y,
    ([first = '', name], note) => {
      noteReplaced(name, note)
      return first
    },
  ],
  // Any other text, up to a character that may end the word.
  [
    /\$|(?:\\(?!\r?\n)[\s\S]?|\^(?!\r?\n)|[^ \t\r\n|;&<>()'"$`\\^])+/y,
    ([text = '']) => text.replace(/\\([\s\S]?)/g, '$1'),
  ],
]

/** A line that continues ends with a backslash, in Windows with `^`, in PowerShell with a backtick. */
const CONTINUED = /[\\^`]\r?\n/g
const SPACE = /(?:[ \t\r\n]|[\\^`]\r?\n)*/y
const ENDS = '|;&<>()'

export function shellWords(text: string): ShellWords {
  const notes = new Set<string>()
  let at = 0
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    at += found?.[0].length ?? 0
    return found
  }
  /** Returns null at the end of a word. */
  function nextPart(): string | null {
    for (const [pattern, read] of PARTS) {
      const found = match(pattern)
      if (found) return read(found, (sentence) => notes.add(sentence))
    }
    return null
  }
  const words: string[] = []
  for (;;) {
    const space = match(SPACE)?.[0].replace(CONTINUED, '') ?? ''
    // A line that begins with an option continues the command, although a shell would not read it so.
    if (text[at] === '#' || (space.includes('\n') && text[at] !== '-')) break
    const parts: string[] = []
    for (let part = nextPart(); part !== null; part = nextPart()) parts.push(part)
    if (parts.length === 0) break
    words.push(parts.join(''))
  }
  const end = text[at] ?? ' '
  if (ENDS.includes(end)) {
    notes.add(`Outside quotes, ${end} ends a command. What follows it was not read.`)
  } else if (text.slice(at).trim() !== '') notes.add('Only the first command was read.')
  return { words, notes: [...notes] }
}
