/** Copies an id, a secret or code with a button. Without script there is no button. */

import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'

/** The script of a page with `Copyable` parts. */
export const COPY_SCRIPT = `
for (const place of navigator.clipboard ? document.querySelectorAll('[data-copy]') : []) {
  const button = document.createElement('button')
  const said = document.createElement('span')
  button.type = 'button'
  button.className = 'plain'
  button.textContent = 'Copy'
  button.setAttribute('aria-label', 'Copy ' + place.dataset.copy)
  said.setAttribute('role', 'status')
  said.className = 'small muted'
  button.addEventListener('click', async () => {
    said.textContent = ''
    const text = place.querySelector('code').textContent
    said.textContent = await navigator.clipboard.writeText(text).then(
      () => 'Copied',
      () => 'Not allowed here: select the text and copy it'
    )
  })
  place.append(button, ' ', said)
}
`
/** base64 SHA-256 of the script: the page's policy allows this script and no other. */
export const COPY_SCRIPT_DIGEST = 'zP9BWrw0trem3nqLBHDXYt5WLN7nK8TpHSm7Pn+DzSs='

export const CopyScript = () => <script>{raw(COPY_SCRIPT)}</script>

/** `what`: the end of the button's name. The content must have one `code` element. */
export const Copyable = (p: { what: string; children: Child }) => (
  <div data-copy={p.what}>{p.children}</div>
)
