/** What the workers cannot see when they start: whether keys that are given can sign, and belong to one worker alone. */

import { readUsableKeys, shareKey } from '../crypto/key-rotation.ts'
import type { SigningKeys } from '../crypto/signing-keys.ts'
import { KEY_SETTINGS, type KeySetting } from '../secrets.ts'
import { Refusal } from './refusal.ts'

/** Throws a Refusal that names the setting, without its value. */
async function usableKeys(name: KeySetting, text: string): Promise<SigningKeys> {
  return readUsableKeys(text).catch((problem: Error) => {
    throw new Refusal(`${name}: ${problem.message}`)
  })
}

/** Throws a Refusal for keys with which tokens would be refused or forged. What is not given is empty. */
export async function checkKeySettings(given: Readonly<Record<KeySetting, string>>) {
  const [signing, own] = await Promise.all(
    KEY_SETTINGS.map(async (name) => (given[name] ? usableKeys(name, given[name]) : null)),
  )
  if (signing && own && shareKey(signing, own)) {
    throw new Refusal('AUTHENTICATOR_KEYS: must not have a key of SIGNING_KEYS')
  }
}
