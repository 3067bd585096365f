/** The document around every page: doctype, head, the name of the house and one card. */

import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { MARK_OUTLINE } from './mark.ts'

/** A shield with a keyhole, drawn in the colour of the text around it. Says nothing that the word beside it does not. */
const Mark = () => (
  <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
    <path fill="currentColor" fill-rule="evenodd" d={MARK_OUTLINE} />
  </svg>
)

/** Writes the doctype itself. `title` must not come from a client: the browser's tab isolates nothing. */
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
        <header class="house">
          <Mark />
          <span>Registry</span>
        </header>
        <main class="card">{p.children}</main>
      </body>
    </html>
  </>
)
