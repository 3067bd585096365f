import { env } from 'cloudflare:workers'
import { appOf } from './app.mjs'

const audience = env.RESOURCE
const resourceMetadata = `${audience}/.well-known/oauth-protected-resource`

export default appOf(env, {
  binding: { audience, resourceMetadata },
  'signed-binding': { audience: `${audience}/signed`, resourceMetadata },
})
