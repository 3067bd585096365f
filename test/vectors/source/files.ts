/** The files of vectors, made from their source. */

import { join } from 'node:path'
import { KEY_SET, reuseSignatures } from './keys.ts'
import { proofs } from './proofs.ts'
import { audiences, credentials, endorsements, scopes } from './requirements.ts'
import { signedTokens } from './signed-tokens.ts'
import { ISSUER, NOW, type Written } from './tokens.ts'

export const FOLDER = join(import.meta.dirname, '..')

const FILES: Readonly<Record<string, [description: string, write: () => Promise<Written>]>> = {
  'credentials.json': [
    'The credential of a request: no token, a valid token, and malformed ones.',
    credentials,
  ],
  'scopes.json': ['The scopes that a token holds, and those that a request needs.', scopes],
  'endorsements.json': ['The categories that a session is endorsed for.', endorsements],
  'audiences.json': ['The resources that a token is for (RFC 8707).', audiences],
  'proofs.json': ['Tokens that are bound to a key, and their DPoP proofs (RFC 9449).', proofs],
  'signed-tokens.json': [
    'Signed tokens (RFC 9068), and invalid tokens that look like one.',
    signedTokens,
  ],
}
export const NAMES = Object.keys(FILES)

/** `read` returns the current text of a file, or '' if it does not exist. */
export async function filesOfVectors(read: (name: string) => string) {
  const files = new Map<string, string>()
  for (const [name, [description, write]] of Object.entries(FILES)) {
    reuseSignatures(read(name))
    const { introspection, vectors } = await write()
    const file = { description, issuer: ISSUER, now: NOW, keySet: KEY_SET, introspection, vectors }
    files.set(name, `${JSON.stringify(file, null, 2)}\n`)
  }
  return files
}
