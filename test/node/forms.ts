/** The forms of a page, read without a browser. */

const unescapeHtml = (text: string) =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

const attributeOf = (input: string, name: string) =>
  unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1] ?? '')

export type Pair = [name: string, value: string]

/** The fields that a browser would send with the form of this action, or null if there is no such form. */
export function fieldsOf(page: string, action: string): Pair[] | null {
  const form = page.split('<form').find((part) => part.includes(`action="${action}"`))
  if (form === undefined) return null
  const inputs = form.split('</form>')[0]?.match(/<input[^>]*>/g) ?? []
  return inputs
    .filter((input) => attributeOf(input, 'type') !== 'checkbox' || /\bchecked\b/.test(input))
    .map((input) => [attributeOf(input, 'name'), attributeOf(input, 'value')])
}
