/** The signature of Standard Webhooks (https://www.standardwebhooks.com), version 1: HMAC with SHA-256. */

const PREFIX = 'whsec_'
/** The least length of a secret that Standard Webhooks demands. */
const MIN_BYTES = 24
const MAX_BYTES = 64
const NEW_BYTES = 32
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** There are two secrets during a rotation. */
const MAX_SECRETS = 2

const encoder = new TextEncoder()

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))

export type WebhookSecret = Uint8Array<ArrayBuffer>

function readSecret(text: string): WebhookSecret | null {
  const encoded = text.slice(PREFIX.length)
  if (!text.startsWith(PREFIX) || !BASE64.test(encoded)) return null
  const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0))
  return bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES ? bytes : null
}

export const newWebhookSecret = () =>
  PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(NEW_BYTES)))

/** One secret, or the new and the old one, separated by a space. Throws the end of a sentence, without the value. */
export function readWebhookSecrets(text: string): readonly WebhookSecret[] {
  const secrets = text.split(/\s+/).filter((one) => one !== '')
  const read = secrets.map(readSecret).filter((secret) => secret !== null)
  if (secrets.length >= 1 && secrets.length <= MAX_SECRETS && read.length === secrets.length) {
    return read
  }
  throw new Error(
    `must be ${PREFIX} and the base64 of ${MIN_BYTES} to ${MAX_BYTES} random bytes, or two of these with a space between`,
  )
}

type SignedMessage = Readonly<{
  webhookId: string
  /** When this attempt is sent, in epoch seconds. */
  timestamp: number
  body: string
}>

/** The header `webhook-signature`: one signature for each secret. A receiver that knows one of the secrets accepts it. */
export async function webhookSignature(
  secrets: readonly WebhookSecret[],
  { webhookId, timestamp, body }: SignedMessage,
): Promise<string> {
  const signed = encoder.encode(`${webhookId}.${timestamp}.${body}`)
  const signatures = secrets.map(async (secret) => {
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', secret, hmac, false, ['sign'])
    return `v1,${toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, signed)))}`
  })
  return (await Promise.all(signatures)).join(' ')
}
