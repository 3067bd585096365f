/** The request that is read from a pasted curl command, URL or form. */

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCurl } from '../../src/management/checker/curl.ts'
import { readPasted } from '../../src/management/checker/pasted.ts'
import { shellWords } from '../../src/management/checker/shell-words.ts'

const TOKEN = 'http://127.0.0.1:8787/token'
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const
const basic = (pair: string) => ['Authorization', `Basic ${btoa(pair)}`] as const
const sent = (more: object) => ({
  method: 'POST',
  url: TOKEN,
  headers: [FORM],
  body: 'a=1',
  notes: [],
  ...more,
})

describe('the words of a shell command', () => {
  const quoted = fc.oneof(
    fc.string({ unit: 'grapheme' }).map((text) => `'${text.replaceAll("'", "'\\''")}'`),
    fc.string({ unit: 'grapheme-ascii' }).map((text) => `"${text.replace(/[$`"\\]/g, '\\$&')}"`),
    fc
      .string({ unit: fc.constantFrom(...'abc=&?/.:-_ \\\'"$`|;<>#!*\t\né') })
      .map((text) => text.replace(/[^A-Za-z0-9\n]/g, '\\$&').replaceAll('\n', () => "$'\\n'")),
    fc
      .string({ unit: fc.constantFrom(...'ab\\\'"\n\té€😀') })
      .map(
        (text) =>
          `$'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\x09')}'`,
      ),
  )
  const separator = fc.constantFrom(' ', '  ', '\t', ' \\\n  ', ' \\\n')

  it('a command is split into the words that bash finds, with any quotes and line breaks', () => {
    const commands = fc.sample(
      fc.array(fc.tuple(separator, fc.array(quoted, { minLength: 1, maxLength: 3 })), {
        minLength: 1,
        maxLength: 6,
      }),
      300,
    )
    const texts = commands.map((parts) =>
      parts.map(([before, word]) => before + word.join('')).join(''),
    )
    const usable = texts.filter((text) => !text.includes('\u0000'))
    const script = usable.map((text) => `printf '%s\\0' -${text}; printf '\\1'`).join('\n')
    const bash = spawnSync('bash', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
    expect(bash.stderr).toBe('')
    const found = bash.stdout.split('\u0001').slice(0, -1)
    expect(found).toHaveLength(usable.length)
    for (const [index, text] of usable.entries()) {
      expect(shellWords(`-${text}`).words).toEqual(found[index]?.split('\u0000').slice(0, -1))
    }
  })

  it.each([
    ['a | b', ['a'], 'Outside quotes, | ends a command'],
    ['a\nb', ['a'], 'Only the first command was read.'],
    ['a \\\n', ['a'], null],
    ['a ^\r\n b', ['a', 'b'], null],
    ['a `\n b', ['a', 'b'], null],
    ['a\n  -d x', ['a', '-d', 'x'], null],
    ['a "$SECRET"', ['a', '$SECRET'], '$SECRET is not known here'],
    [`a '$SECRET'`, ['a', '$SECRET'], null],
    ['a $(cat x)', ['a', '$'], 'was not run'],
    ['a "`cat x`"', ['a', '`cat x`'], 'was not run'],
    [`a 'b`, ['a', 'b'], 'A quote is opened and not closed'],
    [`a "b`, ['a', 'b'], 'A quote is opened and not closed'],
    [`a $'b`, ['a', 'b'], 'A quote is opened and not closed'],
    [String.raw`$'\x41\u00e9\U0001F600\101\q\n'`, ['Aé😀A\\q\n'], null],
    [String.raw`$'\UFFFFFFFF'`, [''], null],
    ['a #b', ['a'], 'Only the first command was read.'],
  ])('the command %j has the words %j', (text, words, note) => {
    const read = shellWords(text)
    expect(read.words).toEqual(words)
    if (note === null) expect(read.notes).toEqual([])
    else expect(read.notes.join()).toContain(note)
  })
})

describe('a curl command', () => {
  it.each([
    ['-d', `curl -d a=1 ${TOKEN}`, {}],
    ['--data with =', `curl --data=a=1 ${TOKEN}`, {}],
    ['several -d', `curl -d a=1 -d b=2 ${TOKEN}`, { body: 'a=1&b=2' }],
    ['-d with its value attached', `curl -da=1 ${TOKEN}`, {}],
    ['-u', `curl -u id:secret -d a=1 ${TOKEN}`, { headers: [FORM, basic('id:secret')] }],
    ['-u attached', `curl -uid:secret -d a=1 ${TOKEN}`, { headers: [FORM, basic('id:secret')] }],
    ['-u with another script', `curl -u id:é -d a=1 ${TOKEN}`, { headers: [FORM, basic('id:Ã©')] }],
    ['flags in one word', `curl -sSkd a=1 ${TOKEN}`, {}],
    ['-X', `curl -XPUT -d a=1 ${TOKEN}`, { method: 'PUT' }],
    ['--url', `curl -d a=1 --url ${TOKEN}`, {}],
    [
      '-H',
      `curl -H 'Content-Type: text/plain' -H 'X-Empty;' -d a=1 ${TOKEN}`,
      {
        headers: [
          ['Content-Type', 'text/plain'],
          ['X-Empty', ''],
        ],
      },
    ],
    ['-H that takes a header away', `curl -H 'Content-Type:' -d a=1 ${TOKEN}`, { headers: [] }],
    [
      '-H Authorization instead of -u',
      `curl -u a:b -H 'Authorization: Basic x' -d a=1 ${TOKEN}`,
      { headers: [['Authorization', 'Basic x'], FORM] },
    ],
    ['--data-urlencode', `curl --data-urlencode 'a=1 2&!' ${TOKEN}`, { body: 'a=1%202%26%21' }],
    ['--data-urlencode without a name', `curl --data-urlencode '=1 2' ${TOKEN}`, { body: '1%202' }],
    ['--data-urlencode of a text', `curl --data-urlencode 'a b' ${TOKEN}`, { body: 'a%20b' }],
    ['--data-raw with @', `curl --data-raw a=1 --data-raw @b ${TOKEN}`, { body: 'a=1&@b' }],
    [
      '--json',
      `curl --json '{}' ${TOKEN}`,
      { body: '{}', headers: [['Content-Type', 'application/json']] },
    ],
    [
      '--oauth2-bearer',
      `curl --oauth2-bearer t -d a=1 ${TOKEN}`,
      { headers: [FORM, ['Authorization', 'Bearer t']] },
    ],
    [
      '-G',
      `curl -G -d a=1 -d b=2 ${TOKEN}`,
      { method: 'GET', url: `${TOKEN}?a=1&b=2`, headers: [], body: null },
    ],
    [
      'a URL without options',
      `curl '${TOKEN}?a=1#b'`,
      { method: 'GET', url: `${TOKEN}?a=1#b`, headers: [], body: null },
    ],
    [
      '-F',
      `curl -F a=1 ${TOKEN}`,
      { headers: [['Content-Type', 'multipart/form-data']], body: '' },
    ],
  ])('a curl command with %s is read as curl reads it', (_, text, more) => {
    expect(readCurl(text)).toEqual(sent(more))
  })

  it.each([
    [
      '-d with a file',
      `curl -d a=1 -d @body.txt ${TOKEN}`,
      '--data names a file, which was not read',
    ],
    [
      '--data-urlencode with a file',
      `curl -d a=1 --data-urlencode b@x ${TOKEN}`,
      '--data-urlencode names a file',
    ],
    ['-H with a file', `curl -d a=1 -H @headers ${TOKEN}`, '--header names a file'],
    ['--next', `curl -d a=1 ${TOKEN} --next -d b=2 ${TOKEN}`, '--next begins another request'],
    ['an unknown option', `curl --frobnicate -d a=1 ${TOKEN}`, '--frobnicate was ignored.'],
    [
      'an unknown option with a value',
      `curl --frobnicate x -d a=1 ${TOKEN}`,
      '--frobnicate was ignored.',
    ],
    [
      'an unknown option with an odd name',
      `curl '--a<b>' -d a=1 ${TOKEN}`,
      'An option that is not known here',
    ],
    ['an unknown short option', `curl -d a=1 -? ${TOKEN}`, 'An option that is not known here'],
    ['a cookie', `curl -b a=b -d a=1 ${TOKEN}`, '--cookie was ignored.'],
    ['-u without a colon', `curl -u id -d a=1 ${TOKEN}`, '-u has no colon'],
    ['a header without a colon', `curl -H abc -d a=1 ${TOKEN}`, 'A header without a colon'],
    ['two addresses', `curl -d a=1 ${TOKEN} ${TOKEN}`, 'Only the first address was read.'],
  ])('a curl command with %s gets a note, and its other options are read', (_, text, note) => {
    const { url, body, notes } = readCurl(text)
    expect([url, body]).toEqual([TOKEN, 'a=1'])
    expect(notes.join()).toContain(note)
  })

  it('a note about an ignored option does not contain its value', () => {
    const { notes } = readCurl(
      `curl --frobnicate secret --cookie secret -K secret -T secret ${TOKEN}`,
    )
    expect(notes.join()).not.toContain('secret')
  })
})

describe('a pasted request', () => {
  it.each([
    ['an address', `${TOKEN}?a=1`, { method: 'GET', url: `${TOKEN}?a=1`, headers: [], body: null }],
    [
      'an address on two lines',
      `${TOKEN}?a=1\n  &b=2`,
      { method: 'GET', url: `${TOKEN}?a=1&b=2`, headers: [], body: null },
    ],
    ['a path', '/authorize?a=1', { method: 'GET', url: '/authorize?a=1', headers: [], body: null }],
    ['a command with a prompt', `$ curl -d a=1 ${TOKEN}`, {}],
    ['a form', 'grant_type=x&a=1', { url: '/token', body: 'grant_type=x&a=1' }],
    ['a form in lines', 'grant_type=x\n&a=1\nb=2', { url: '/token', body: 'grant_type=x&a=1&b=2' }],
    [
      'the parameters of an authorization request',
      'response_type=code&a=1',
      { method: 'GET', url: '/authorize?response_type=code&a=1', headers: [], body: null },
    ],
    [
      'headers and a form',
      'Authorization: Basic x\r\nDPoP: y\r\n\r\na=1',
      {
        url: '/token',
        headers: [['Authorization', 'Basic x'], ['DPoP', 'y'], FORM],
        notes: ['No Content-Type was pasted. It was taken as application/x-www-form-urlencoded.'],
      },
    ],
    [
      'a whole request',
      `POST /token HTTP/1.1\nContent-Type: a/b\n\na=1`,
      { url: '/token', headers: [['Content-Type', 'a/b']] },
    ],
    [
      'a request by GET',
      'GET /authorize?a=1 HTTP/1.1\nAccept: x',
      { method: 'GET', url: '/authorize?a=1', headers: [['Accept', 'x']], body: null },
    ],
    [
      'JSON',
      '{"a":1}',
      { url: '/token', headers: [['Content-Type', 'application/json']], body: '{"a":1}' },
    ],
  ])('pasting %s gives a request with its method, URL, headers and body', (_, text, more) => {
    expect(readPasted(text)).toEqual(sent(more))
  })

  it.each([
    ['', 'Paste a request first.'],
    ['Why?', 'This cannot be read as a request.'],
    ['curl -d a=1', 'The command names no address.'],
  ])('the text %j is refused, because it is not a request', (text, problem) => {
    expect(readPasted(text)).toEqual({ problem: expect.stringContaining(problem) })
  })

  it('reading any text never throws, and takes time that grows linearly with its length', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...`curl -dHuX@='"\\$\`\n\t&:/#`), maxLength: 200 }),
        (text) => {
          readPasted(`curl ${text}`)
          readPasted(text)
        },
      ),
      { numRuns: 2000 },
    )
    const parts = ["'", '"', '\\', '\n', "$'", '$A', ' -d', ' a', '\\\n', 'A: b\n', '&a=1']
    const repeated = [...parts, ' ', '\t', '\u00a0', '\r', ' \n'].map((part) => ({
      part,
      long: part.repeat(Math.floor(120_000 / part.length)),
    }))
    // Every repetition differs.
    const different = [' --', ' $A', ' -Ha', ' http://a/'].map((part) => ({
      part,
      long: Array.from({ length: 15_000 }, (_, n) => part + n).join(''),
    }))
    for (const { part, long } of [...repeated, ...different]) {
      // The CPU time of this process, because other work on the machine makes the elapsed time longer.
      const before = process.cpuUsage()
      readPasted(`curl ${long}`)
      readPasted(long)
      // A first and a last letter keep it from being trimmed.
      readPasted(`/a${long}b`)
      const { user, system } = process.cpuUsage(before)
      expect([part, (user + system) / 1000 < 2000]).toEqual([part, true])
    }
  })
})
