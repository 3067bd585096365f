/** Text from files and pipes: UTF-8, with or without a byte order mark. */

import { Refusal } from './refusal.ts'

/** Drops the byte order mark and ignores nothing else. Bytes that are not UTF-8 are a Refusal that names `what`. */
export function utf8Text(what: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new Refusal(`${what} is not UTF-8 text: save it as UTF-8`)
  }
}
