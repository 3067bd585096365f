/** How long the headers of a response let a cache use it (RFC 9111 §4.2). */

const directivesIn = (header: string) =>
  new Map(
    header
      .toLowerCase()
      .split(',')
      .map((directive) => {
        const [name = '', value = ''] = directive.trim().split('=')
        return [name, value.replace(/^"|"$/g, '')] as const
      }),
  )

const secondsIn = (text: string | null | undefined) =>
  text && /^\d{1,10}$/.test(text.trim()) ? Number(text) : null

/** Null if the headers do not say. 0 for a response that must be requested again before each use. */
export function freshSecondsOf(headers: Headers): number | null {
  const directives = directivesIn(headers.get('Cache-Control') ?? '')
  if (directives.has('no-store') || directives.has('no-cache')) return 0
  const age = secondsIn(headers.get('Age')) ?? 0
  const maxAge = secondsIn(directives.get('max-age'))
  if (maxAge !== null) return Math.max(0, maxAge - age)
  const expires = headers.get('Expires')
  if (expires === null) return null
  const seconds = (Date.parse(expires) - Date.parse(headers.get('Date') ?? '')) / 1000
  // RFC 9111 §5.3: an invalid date counts as a date in the past.
  return Number.isNaN(seconds) ? 0 : Math.max(0, Math.floor(seconds) - age)
}
