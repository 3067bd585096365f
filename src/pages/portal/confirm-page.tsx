/** A question before an act that ends something: it names what ends. */

import { HiddenFields } from '../parts.tsx'
import { type FrameProps, type Hidden, PortalFrame } from './frame.tsx'

export type ConfirmProps = Readonly<{
  frame: FrameProps
  title: string
  name: string
  /** One sentence each. */
  ends: readonly string[]
  action: string
  hidden: Hidden
  button: string
  back: string
}>

export const ConfirmPage = (p: ConfirmProps) => (
  <PortalFrame {...p.frame} title={p.title} about={p.name}>
    <ul>
      {p.ends.map((sentence) => (
        <li>{sentence}</li>
      ))}
    </ul>
    <form method="post" action={p.action}>
      <HiddenFields fields={p.hidden} />
      <div class="actions">
        <a class="button" href={p.back}>
          Cancel
        </a>
        <button class="primary" type="submit">
          {p.button}
        </button>
      </div>
    </form>
  </PortalFrame>
)
