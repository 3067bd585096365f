/** A question before an act that ends something. The page names what ends. */

import type { Child } from 'hono/jsx'
import { type FormHead, PostForm } from '../parts.tsx'
import { type ClientFrameProps, clientPath, PortalFrame } from './frame.tsx'

type ConfirmProps = ClientFrameProps &
  Readonly<{
    title: string
    /** One sentence for each thing that ends. */
    ends: readonly Child[]
    /** Null if the act is not possible: the sentences then say why. */
    form: FormHead | null
    button: string
  }>

export const ConfirmPage = (p: ConfirmProps) => (
  <PortalFrame {...p.frame} title={p.title} about={p.name}>
    <ul>
      {p.ends.map((sentence) => (
        <li>{sentence}</li>
      ))}
    </ul>
    {p.form === null ? (
      <p>
        <a href={clientPath(p.clientId)}>Back to the client</a>
      </p>
    ) : (
      <PostForm {...p.form}>
        <div class="actions">
          <a class="button" href={clientPath(p.clientId)}>
            Cancel
          </a>
          <button class="primary" type="submit">
            {p.button}
          </button>
        </div>
      </PostForm>
    )}
  </PortalFrame>
)
