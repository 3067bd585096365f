/** The document around every page: doctype, head, the registry's name and one card. */

import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'

/** A shield with a keyhole. */
const LOGO_OUTLINE =
  'M12 1.5 3.5 4.7v6.1c0 5.3 3.5 9.7 8.5 11.7 5-2 8.5-6.4 8.5-11.7V4.7zm0 5.5a3 3 0 0 1 1.25 5.73V17h-2.5v-4.27A3 3 0 0 1 12 7z'

/** For the browser's tab. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#0b7285" fill-rule="evenodd" d="${LOGO_OUTLINE}"/></svg>`

/** The logo, in the colour of the text around it. Hidden from screen readers: the word beside it says the same. */
const Logo = () => (
  <svg class="logo" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
    <path fill="currentColor" fill-rule="evenodd" d={LOGO_OUTLINE} />
  </svg>
)

/** Writes the doctype itself. `title` must not come from a client: a browser's tab cannot isolate its text direction. */
export const Layout = (p: { title: string; children: Child }) => (
  <>
    {raw('<!doctype html>')}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${p.title} · Registry`}</title>
        <link rel="icon" type="image/svg+xml" href="/icon.svg" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header class="brand">
          <Logo />
          <span>Registry</span>
        </header>
        <main class="card">{p.children}</main>
      </body>
    </html>
  </>
)
