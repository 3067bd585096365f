/** The forms of a page, read without a browser. */

export const unescapeHtml = (text: string) =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

const attributeOf = (input: string, name: string) =>
  unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1] ?? '')

export type Pair = [name: string, value: string]

/** The fields of every form with this action, as a browser would send them. */
export function formsOf(page: string, action: string): Pair[][] {
  const forms = page
    .split('<form')
    .slice(1)
    .filter((part) => part.includes(`action="${action}"`))
  return forms.map((part) => {
    const form = part.split('</form>')[0] ?? ''
    const controls = form.match(/<input[^>]*>|<textarea[^>]*>[^<]*<\/textarea>/g) ?? []
    return controls
      .filter((control) => {
        const type = attributeOf(control, 'type')
        return !['checkbox', 'radio'].includes(type) || /\bchecked\b/.test(control)
      })
      .map((control): Pair => {
        const name = attributeOf(control, 'name')
        const [, text] = /^<textarea[^>]*>\n?([^<]*)</.exec(control) ?? []
        return [name, text === undefined ? attributeOf(control, 'value') : unescapeHtml(text)]
      })
  })
}

/** The fields that a browser would send with the first form of this action, or null if there is no such form. */
export const fieldsOf = (page: string, action: string): Pair[] | null =>
  formsOf(page, action)[0] ?? null
