/** Writes the files of vectors: `npx node test/vectors/source/write.ts`. A signature changes only if its input does. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FOLDER, filesOfVectors } from './files.ts'

const read = (name: string) => {
  const path = join(FOLDER, name)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

for (const [name, text] of await filesOfVectors(read)) writeFileSync(join(FOLDER, name), text)
