/** The module that the lab runs: both Workers and the stores. */

export { createAuthenticator } from '../../src/authenticator/app.ts'
export { compose } from '../../src/compose.ts'
export { digest, hexDigest } from '../../src/crypto/digest.ts'
export { publicKeys } from '../../src/crypto/signing-keys.ts'
export { mintToken } from '../../src/crypto/token.ts'
export { clientRegistry } from '../../test/rows.ts'
export { insertService, newUser } from '../workers/bindings.ts'
export { exampleClient, exampleSession, exampleUser, signingKeys } from '../workers/fixture.ts'
