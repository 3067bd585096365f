/** Schemes of native applications (RFC 8252 §7.1). No rule says who owns one without a dot: `cursor://…`. */

/** To browsers and operating systems these mean something of their own. */
const TAKEN =
  'about blob chrome chrome-extension data dict facetime file filesystem ftp geo git gopher http https imap intent irc jar javascript ldap mailto moz-extension ms-settings news nntp resource rtsp sftp shell sip sms ssh tel telnet urn vbscript view-source ws wss'.split(
    ' ',
  )

/** May an operator allow it? */
export const isPrivateUseScheme = (scheme: string) =>
  /^[a-z][a-z0-9+-]*$/.test(scheme) && !TAKEN.includes(scheme)

/** The scheme of a redirect URI that is used only where the operator allowed it; null for every other URI. */
export function schemeWithoutDot(uri: string): string | null {
  const [, scheme] = /^([a-z][a-z0-9+-]*):/i.exec(uri) ?? []
  return scheme === undefined || scheme === 'https' || scheme === 'http' ? null : scheme
}
