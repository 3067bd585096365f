/** Who is signed in at this browser, and what stands beside it. */

import type { Child } from 'hono/jsx'

export const SignedInAs = (p: { username: string; children?: Child }) => (
  <div class="account">
    <p>
      Signed in as{' '}
      <strong>
        <bdi>{p.username}</bdi>
      </strong>
    </p>
    {p.children}
  </div>
)
