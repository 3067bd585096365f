/** Form fields that the browser sends back as they came. */

export const HiddenFields = (p: {
  fields: readonly (readonly [name: string, value: string])[]
}) => (
  <>
    {p.fields.map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
)
