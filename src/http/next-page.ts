/** To the sign-in page, and from there back to one of our own paths, whatever was asked. */

/** The path and query of a URL at our own origin, absolute or relative; `/` for everything else. */
export function ownPath(nextPage: string | undefined, issuer: string): string {
  if (nextPage === undefined || !URL.canParse(nextPage, issuer)) return '/'
  const url = new URL(nextPage, issuer)
  // A `blob:` URL has the origin of the address within it, and that as its path.
  if (url.origin !== issuer || !/^\/(?!\/)/.test(url.pathname)) return '/'
  return url.pathname + url.search
}

/** Where a browser signs in before it comes back to `path`: our own page, or the accounts service's. */
export function loginAddress(path: string, issuer: string, loginUrl: string | null): string {
  const query = new URLSearchParams({ next_page: `${issuer}${path}` })
  if (loginUrl === null) return `/login?${query}`
  return `${loginUrl}${loginUrl.includes('?') ? '&' : '?'}${query}`
}
