/** What a client asks for, with boxes to tick or untick: scopes grouped by what they do, then endorsements. */

import type { Child } from 'hono/jsx'
import { scopeCovers } from '../domain/scope.ts'
import type { DescribedEndorsement, DescribedScope } from '../domain/scope-catalogue.ts'
import { type Choice, choicesOf, DEEDS, type Deed } from '../domain/scope-choices.ts'
import { ChoiceName, PermissionItems } from './parts.tsx'

/** If a group has more boxes than this, they are folded. */
const MANY = 8

export type Asked = Readonly<{
  /** The scopes that the user allowed before. */
  allowed: readonly DescribedScope[]
  scopes: readonly DescribedScope[]
  endorsements: readonly DescribedEndorsement[]
  /** Scopes that the user agreed to last time: other scopes are marked as new. Null if nothing is to be marked. */
  lastTime: readonly string[] | null
}>

const TITLES = { reading: 'Reading', changing: 'Changing', deleting: 'Deleting' }

const Box = (p: { name: string; value: string; children: Child }) => (
  <label class="choice">
    <input type="checkbox" name={p.name} value={p.value} checked />
    <span>{p.children}</span>
  </label>
)

type GroupProps = Readonly<{ title: string; isFolded: boolean; isOpen: boolean; boxes: Child[] }>

const Group = ({ title, isFolded, isOpen, boxes }: GroupProps) =>
  isFolded ? (
    <details open={isOpen}>
      <summary>
        {title} <span class="muted">({boxes.length})</span>
      </summary>
      <fieldset aria-label={title}>{boxes}</fieldset>
    </details>
  ) : (
    <fieldset>
      <legend>{title}</legend>
      {boxes}
    </fieldset>
  )

const isNew = ({ scopes }: Choice, lastTime: Asked['lastTime']) =>
  lastTime !== null &&
  scopes.some((scope) => !lastTime.some((agreed) => scopeCovers(agreed, scope)))

/** A group that a user must not overlook is not folded. */
const ScopeGroup = (p: {
  deed: Deed
  choices: readonly Choice[]
  lastTime: Asked['lastTime']
  isFolded: boolean
}) => {
  const mustBeSeen = p.choices.some((one) => one.isSensitive || isNew(one, p.lastTime))
  return (
    <Group
      title={TITLES[p.deed]}
      isFolded={p.isFolded}
      isOpen={mustBeSeen || p.deed === 'deleting'}
      boxes={p.choices.map((one) => (
        <Box name="grant" value={one.scopes.join(' ')}>
          <ChoiceName choice={one} isNew={isNew(one, p.lastTime)} />
        </Box>
      ))}
    />
  )
}

const AllowedBefore = ({ allowed, endorsements }: Asked) => (
  <section>
    <h2>You have already allowed it to:</h2>
    <ul>
      <PermissionItems
        scopes={allowed}
        endorsements={endorsements.map(({ sentence }) => sentence)}
      />
    </ul>
  </section>
)

export const Choices = (p: Asked) => {
  const isMore = p.allowed.length > 0
  const choices = choicesOf(p.scopes)
  // The endorsements of a remembered consent were allowed with it.
  const endorsements = isMore ? [] : p.endorsements
  const isFolded = choices.length + endorsements.length > MANY
  if (choices.length + endorsements.length === 0) return null
  return (
    <>
      {isMore && <AllowedBefore {...p} />}
      <fieldset class="choices" aria-describedby="untick">
        <legend>
          {isMore ? 'It now also asks to be allowed to:' : 'It asks to be allowed to:'}
        </legend>
        <p class="small muted" id="untick">
          Untick anything that you do not want to allow.
        </p>
        {DEEDS.map((deed) => [deed, choices.filter((one) => one.deed === deed)] as const)
          .filter(([, among]) => among.length > 0)
          .map(([deed, among]) => (
            <ScopeGroup deed={deed} choices={among} lastTime={p.lastTime} isFolded={isFolded} />
          ))}
        {endorsements.length > 0 && (
          <Group
            title="With your endorsements"
            isFolded={isFolded}
            isOpen={false}
            boxes={endorsements.map(({ endorsement, sentence }) => (
              <Box name="endorse" value={endorsement}>
                {sentence}
              </Box>
            ))}
          />
        )}
      </fieldset>
    </>
  )
}
