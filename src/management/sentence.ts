/** Texts of refusals begin small, so that they can stand within a sentence. */

export const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export const asSentence = (text: string) => `${capitalized(text)}.`
