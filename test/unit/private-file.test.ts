/** Files that hold a secret. */

import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { writeGivenFile, writePrivateFile } from '../../src/local/files.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'private-file-'))
})
afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8)

it.each<[string, (draft: string, other: string) => Promise<unknown>]>([
  ['nothing', async () => {}],
  ['a file that everybody may read', (draft) => writeFile(draft, 'old', { mode: 0o644 })],
  ['a link to another file', (draft, other) => symlink(other, draft)],
])(
  'a secret is written only to a file that only its owner can read, even if %s is in the place of the draft',
  async (_, prepare) => {
    const [file, other] = [join(folder, 'secret'), join(folder, 'other')]
    await writeFile(other, 'another’s')
    await prepare(`${file}.${process.pid}`, other)
    await writePrivateFile(file, 'the secret')
    expect([await readFile(file, 'utf8'), await modeOf(file)]).toEqual(['the secret', '600'])
    expect(await readFile(other, 'utf8')).toBe('another’s')
  },
)

it.each([
  ['with a secret', writePrivateFile],
  ['that an operator named', writeGivenFile],
])('a file %s that cannot be moved into place leaves no draft', async (_, write) => {
  const file = join(folder, 'place')
  await mkdir(file)
  await expect(write(file, 'the text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(await readdir(folder)).toEqual(['place'])
})

it('a file can be written although a killed command left a draft', async () => {
  const file = join(folder, 'registry.yaml')
  await writeFile(`${file}.${process.pid}`, 'half')
  await writeGivenFile(file, 'whole')
  expect(await readFile(file, 'utf8')).toBe('whole')
  expect(await readdir(folder)).toEqual(['registry.yaml'])
})
