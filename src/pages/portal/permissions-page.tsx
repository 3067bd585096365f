/** The page on which owners request permissions and take them back. */

import { type FormHead, Mark, PostForm, Submit } from '../parts.tsx'
import { type FormProps, fieldsOf, Options, TextField } from './fields.tsx'
import { ClientFrame, type ClientFrameProps } from './frame.tsx'
import {
  hasSentences,
  PermissionList,
  SentencesNote,
  type ShownPermission,
  shownSentence,
} from './permissions.tsx'

export type Askable = Readonly<{
  value: string
  sentence: string
  isSensitive: boolean
  /** True if the permission needs no approval. */
  isFree: boolean
  isChecked: boolean
}>

export const PERMISSION_LABELS = {
  other_scopes: 'Scopes with an id',
  grant_types: 'Ways to get tokens',
  endorsements: 'Endorsements',
  take: 'What it no longer needs',
}

type PermissionsProps = ClientFrameProps &
  Readonly<{
    permissions: readonly ShownPermission[]
    /** The scopes that the client does not have, by what they are for. `resource` is null for scopes of no resource. */
    groups: readonly Readonly<{
      resource: Readonly<{ uri: string; name: string }> | null
      scopes: readonly Askable[]
    }>[]
    grantTypes: readonly Askable[]
    forms: Readonly<{ ask: FormHead; takeBack: FormHead }>
  }> &
  FormProps<'other_scopes' | 'endorsements'>

const optionOf = (
  kind: ShownPermission['kind'],
  { value, sentence, isSensitive, isFree, isChecked }: Askable,
) => ({
  value,
  isChecked,
  label: (
    <>
      {shownSentence({ kind, sentence })}
      {isSensitive && <Mark kind="sensitive">Sensitive</Mark>}
      {isFree && <Mark>No approval needed</Mark>}
      <code>{value}</code>
    </>
  ),
})

const Asking = (p: PermissionsProps) => {
  const field = fieldsOf(p, PERMISSION_LABELS)
  return (
    <PostForm {...p.forms.ask}>
      <h2>Ask for more</h2>
      {!hasSentences(p.permissions) && <SentencesNote />}
      {p.groups.map(({ resource, scopes }, index) => (
        <Options
          name={index === 0 ? 'scopes' : `scopes-${index + 1}`}
          field="scopes"
          type="checkbox"
          legend={resource === null ? 'Permissions' : `Permissions for ${resource.name}`}
          hint={resource === null ? undefined : <code>{resource.uri}</code>}
          problem={undefined}
          options={scopes.map((one) => optionOf('scope', one))}
        />
      ))}
      <TextField
        {...field('other_scopes')}
        hint={
          <>
            Separated by spaces, such as <code>submission:read:2301.00001</code>.
          </>
        }
        isOptional
      />
      {p.grantTypes.length > 0 && (
        <Options
          name="grant_types"
          type="checkbox"
          legend={PERMISSION_LABELS.grant_types}
          problem={p.frame.problem?.errors.grant_types}
          options={p.grantTypes.map((one) => optionOf('grant_type', one))}
        />
      )}
      <TextField
        {...field('endorsements')}
        hint={
          <>
            Categories in which it submits for its users, separated by spaces: <code>cs.DL</code> or{' '}
            <code>cs.*</code>.
          </>
        }
        isOptional
      />
      <Submit>Ask</Submit>
    </PostForm>
  )
}

const TakingBack = (p: PermissionsProps) => {
  const held = p.permissions.filter(({ state }) => state === 'authorized' || state === 'requested')
  if (held.length === 0) return null
  return (
    <PostForm {...p.forms.takeBack}>
      <h2>Take back</h2>
      <Options
        name="take"
        type="checkbox"
        legend={PERMISSION_LABELS.take}
        hint="Tokens that use it end. A permission that was authorized needs a new approval later."
        problem={p.frame.problem?.errors.take}
        options={held.map(({ kind, value, sentence }) => ({
          value: `${kind} ${value}`,
          isChecked: false,
          label: (
            <>
              {shownSentence({ kind, sentence })}
              <code>{value}</code>
            </>
          ),
        }))}
      />
      <Submit isMinor>Take back</Submit>
    </PostForm>
  )
}

export const PermissionsPage = (p: PermissionsProps) => (
  <ClientFrame {...p} title="Permissions">
    <PermissionList permissions={p.permissions} />
    <Asking {...p} />
    <TakingBack {...p} />
  </ClientFrame>
)
