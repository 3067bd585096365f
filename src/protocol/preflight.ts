/** The response to a CORS preflight (Fetch standard) for addresses that scripts of any origin may call. */

const MAX_AGE_SECONDS = 3600
/** These headers are always allowed, so that one preflight covers calls with any of them. */
const USUAL_HEADERS = ['Authorization', 'Content-Type', 'DPoP']
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Allows every requested header: `*` does not include `Authorization`, and a fixed list would miss headers that libraries
 * add. `requested` is the value of `Access-Control-Request-Headers`.
 */
export function preflightHeaders(methods: readonly string[], requested: string | null) {
  const usual = new Set(USUAL_HEADERS.map((name) => name.toLowerCase()))
  const others = (requested ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => TOKEN.test(name) && !usual.has(name.toLowerCase()))
  return {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': methods.join(','),
    'Access-Control-Allow-Headers': [...USUAL_HEADERS, ...others].join(','),
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
    Vary: 'Access-Control-Request-Headers',
  }
}
