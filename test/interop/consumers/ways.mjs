/** The routes of every service: a path for each way to check a token, and its options. */

export function waysOf({ introspection, keySet }, settings) {
  const { ISSUER, RESOURCE, API_ID, API_SECRET, KEY_ID, PRIVATE_KEY, NOWHERE } = settings
  const common = {
    audience: RESOURCE,
    resourceMetadata: `${RESOURCE}/.well-known/oauth-protected-resource`,
  }
  const asClient = { clientId: API_ID, clientSecret: API_SECRET }
  const byAnswer = introspection({ issuer: ISSUER, ...asClient })
  return {
    introspection: { ...common, check: byAnswer },
    immediate: { ...common, check: byAnswer, revocation: 'immediate' },
    assertion: {
      ...common,
      check: introspection({
        issuer: ISSUER,
        clientId: KEY_ID,
        privateKey: JSON.parse(PRIVATE_KEY),
      }),
    },
    'key-set': {
      ...common,
      audience: `${RESOURCE}/signed`,
      check: keySet({ issuer: ISSUER }),
    },
    'unreachable-introspection': {
      ...common,
      check: introspection({ issuer: NOWHERE, ...asClient }),
    },
    'unreachable-key-set': {
      ...common,
      audience: `${RESOURCE}/signed`,
      check: keySet({ issuer: NOWHERE }),
    },
  }
}

export const READ = 'files:read'
export const BOTH = ['files:read', 'files:write']

export const describedBy = ({ ISSUER, RESOURCE }) => ({
  resource: RESOURCE,
  authorizationServers: [ISSUER],
  scopes: BOTH,
})

export const METADATA = '/.well-known/oauth-protected-resource'
