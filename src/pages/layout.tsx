/** The document around every page: doctype, head, the service's name, one card, and the operator's links. */

import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { Branding } from '../domain/branding.ts'

/** A shield with a keyhole. */
const SHIELD =
  'M12 1.5 3.5 4.7v6.1c0 5.3 3.5 9.7 8.5 11.7 5-2 8.5-6.4 8.5-11.7V4.7zm0 5.5a3 3 0 0 1 1.25 5.73V17h-2.5v-4.27A3 3 0 0 1 12 7z'

export const ICON_PATH = '/icon.svg'

/** The logo that the registry serves at `ICON_PATH`. */
export const iconOf = ({ logo, accent }: Branding) =>
  logo && 'svg' in logo
    ? logo.svg
    : `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="${accent.light}" fill-rule="evenodd" d="${SHIELD}"/></svg>`

const logoAddress = ({ logo }: Branding) => (logo && 'url' in logo ? logo.url : ICON_PATH)

/** Hidden from screen readers, because the name beside it says the same. Without a logo, a shield has the name's colour. */
const Logo = (p: { branding: Branding }) =>
  p.branding.logo ? (
    <img class="logo" src={logoAddress(p.branding)} alt="" height="32" />
  ) : (
    <svg
      class="logo"
      viewBox="0 0 24 24"
      width="24"
      height="24"
      aria-hidden="true"
      focusable="false"
    >
      <path fill="currentColor" fill-rule="evenodd" d={SHIELD} />
    </svg>
  )

const Links = ({ links: { terms, privacy, support } }: Branding) => {
  const shown = [
    ['Terms', terms],
    ['Privacy', privacy],
    ['Support', support],
  ].flatMap(([text, href]) => (href ? [<a href={href}>{text}</a>] : []))
  return shown.length === 0 ? null : <footer class="links">{shown}</footer>
}

/** Includes the doctype. `title` must not come from a client: a browser's tab cannot isolate the direction of its text. */
export const Layout = (p: { title: string; branding: Branding; children: Child }) => (
  <>
    {raw('<!doctype html>')}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${p.title} · ${p.branding.serviceName}`}</title>
        <link rel="icon" href={logoAddress(p.branding)} />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header>
          <a class="brand" href="/">
            <Logo branding={p.branding} />
            <bdi>{p.branding.serviceName}</bdi>
          </a>
        </header>
        <main class="card">{p.children}</main>
        <Links {...p.branding} />
      </body>
    </html>
  </>
)
