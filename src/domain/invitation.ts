/** An invitation: a link with which a user sets a password, once. */

export const INVITATION_PATH = '/invitation'
export const INVITATION_SECONDS = 86_400

/** Browsers send no fragment: neither a log nor a `Referer` holds the invitation. */
export const invitationUrl = (issuer: string, invitation: string) =>
  `${issuer}${INVITATION_PATH}#${invitation}`

/** From the link as pasted, or from what follows `#` in it. */
export const invitationIn = (pasted: string) => pasted.slice(pasted.lastIndexOf('#') + 1).trim()
