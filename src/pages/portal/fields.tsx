/** Fields of a form: a label, a hint, and what is wrong with the value. */

import type { Child } from 'hono/jsx'
import type { FrameProps } from './frame.tsx'

type Described = Readonly<{
  name: string
  hint?: Child | undefined
  problem: string | undefined
}>

const describedBy = ({ name, hint, problem }: Described) =>
  [hint === undefined ? '' : `${name}-hint`, problem === undefined ? '' : `${name}-problem`]
    .filter(Boolean)
    .join(' ')

const marksOf = (field: Described) => ({
  ...(describedBy(field) !== '' && { 'aria-describedby': describedBy(field) }),
  ...(field.problem !== undefined && { 'aria-invalid': 'true' as const }),
})

const Words = ({ name, hint, problem }: Described) => (
  <>
    {hint !== undefined && (
      <p class="hint" id={`${name}-hint`}>
        {hint}
      </p>
    )}
    {problem !== undefined && (
      <p class="field-problem" id={`${name}-problem`}>
        {problem}
      </p>
    )}
  </>
)

export type FormProps<Name extends string> = Readonly<{
  frame: FrameProps
  typed: Readonly<Record<Name, string>>
}>

type TextProps = Described & Readonly<{ label: string; value: string; isOptional?: boolean }>

/** What a form shows for the field of a given name: its label, what was typed, and what is wrong with it. */
export const fieldsOf =
  <Name extends string>(
    { frame, typed }: FormProps<Name>,
    labels: Readonly<Record<NoInfer<Name>, string>>,
  ) =>
  (name: Name) => ({
    name,
    label: labels[name],
    value: typed[name],
    problem: frame.problem?.errors[name],
  })

const Label = ({ name, label, isOptional = false }: TextProps) => (
  <label for={name}>
    {label}
    {isOptional && <span class="muted"> (optional)</span>}
  </label>
)

export const TextField = (p: TextProps & Readonly<{ type?: 'text' | 'url' }>) => (
  <div class="field">
    <Label {...p} />
    <Words {...p} />
    <input
      id={p.name}
      type="text"
      inputmode={p.type === 'url' ? 'url' : 'text'}
      name={p.name}
      value={p.value}
      dir={p.type === 'url' ? 'ltr' : 'auto'}
      autocomplete="off"
      spellcheck={p.type === 'url' ? false : undefined}
      {...marksOf(p)}
    />
  </div>
)

export const TextArea = (p: TextProps & Readonly<{ rows: number; isAddresses?: boolean }>) => (
  <div class="field">
    <Label {...p} />
    <Words {...p} />
    <textarea
      id={p.name}
      name={p.name}
      rows={p.rows}
      dir={p.isAddresses ? 'ltr' : 'auto'}
      spellcheck={p.isAddresses ? false : undefined}
      {...marksOf(p)}
    >
      {/* A browser drops one line break at the start. */}
      {`\n${p.value}`}
    </textarea>
  </div>
)

type Option = Readonly<{
  value: string
  label: Child
  hint?: Child
  isChecked: boolean
}>

type OptionsProps = Described &
  Readonly<{
    legend: string
    type: 'radio' | 'checkbox'
    options: readonly Option[]
    /** The name of the field, if several groups share one field. */
    field?: string
  }>

/** The hint is not part of the name that a screen reader reads first. */
const Choice = (
  p: Pick<OptionsProps, 'name' | 'field' | 'type'> & Readonly<{ option: Option; id: string }>,
) => {
  const { value, label, hint, isChecked } = p.option
  const hintId = `${p.id}-hint`
  return (
    <div class="choice">
      <input
        id={p.id}
        type={p.type}
        name={p.field ?? p.name}
        value={value}
        checked={isChecked}
        aria-describedby={hint === undefined ? undefined : hintId}
      />
      <span>
        <label for={p.id}>{label}</label>
        {hint !== undefined && (
          <span class="hint" id={hintId}>
            {hint}
          </span>
        )}
      </span>
    </div>
  )
}

/** A group of radio buttons or boxes. The link of its problem leads to the group. */
export const Options = (p: OptionsProps) => (
  <fieldset id={p.name} tabindex={-1} {...marksOf(p)}>
    <legend>{p.legend}</legend>
    <Words {...p} />
    {p.options.map((option, index) => (
      <Choice {...p} option={option} id={`${p.name}-${index + 1}`} />
    ))}
  </fieldset>
)
