/** Types for the used part of simple-oauth2, which has none. */

declare module 'simple-oauth2' {
  type Options = Readonly<{
    client: Readonly<{ id: string; secret: string }>
    auth: Readonly<{
      tokenHost: string
      tokenPath: string
      authorizePath?: string
      revokePath?: string
    }>
    options: Readonly<{ authorizationMethod: 'header' | 'body' }>
  }>
  type AccessToken = Readonly<{
    token: Readonly<{ access_token: string; scope: string; expires_in: number }>
    expired(): boolean
    revoke(kind: 'access_token' | 'refresh_token'): Promise<void>
  }>
  type Parameters = Readonly<Record<string, string>>

  export class ClientCredentials {
    constructor(options: Options)
    getToken(parameters: Parameters): Promise<AccessToken>
  }
  export class AuthorizationCode {
    constructor(options: Options)
    authorizeURL(parameters: Parameters): string
    getToken(parameters: Parameters): Promise<AccessToken>
  }
}
