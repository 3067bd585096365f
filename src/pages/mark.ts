/** The mark of the house, a shield with a keyhole: one outline for the pages and for the browser's tab. */

export const MARK_OUTLINE =
  'M12 1.5 3.5 4.7v6.1c0 5.3 3.5 9.7 8.5 11.7 5-2 8.5-6.4 8.5-11.7V4.7zm0 5.5a3 3 0 0 1 1.25 5.73V17h-2.5v-4.27A3 3 0 0 1 12 7z'

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#0b7285" fill-rule="evenodd" d="${MARK_OUTLINE}"/></svg>`
