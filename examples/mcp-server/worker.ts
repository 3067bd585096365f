/**
 * An MCP server behind the registry: a Worker with two tools, by streamable HTTP with JSON responses and no sessions.
 * `npm run example:mcp` runs it beside `npm start`; its bindings are in wrangler.toml.
 */

import { env } from 'cloudflare:workers'
import {
  type AuthenticatorBinding,
  protectedResource,
  type ScopedEnv,
  scoped,
} from 'edge-registry/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import * as z from 'zod/mini'
import { type Notes, READ, TOOLS, WRITE } from './tools.ts'

type Bindings = { AUTHENTICATOR: AuthenticatorBinding; NOTES: Notes }

/** The URL of this server, and the registry that issues its tokens: `[vars]` of wrangler.toml. */
const { RESOURCE, ISSUER } = env as unknown as Readonly<{ RESOURCE: string; ISSUER: string }>
const { pathname: PATH, origin: ORIGIN } = new URL(RESOURCE)

const Message = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.optional(z.union([z.string(), z.number()])),
  method: z.string(),
  params: z.optional(z.record(z.string(), z.unknown())),
})
type Message = z.output<typeof Message>

/** The protocol versions without batches of messages, newest first. */
const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18']
const BAD_MESSAGE = -32600
const NO_SUCH_METHOD = -32601
const BAD_PARAMS = -32602

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

const failure = (code: number, message: string, id: Message['id'] | null = null) => ({
  ...{ jsonrpc: '2.0', id, error: { code, message } },
})

const app = new Hono<ScopedEnv & { Bindings: Bindings; Variables: { message: Message } }>()

// Before every scoped(), because a browser's preflight has no credential. Any origin may call with a token in a header.
app.use(cors({ origin: '*', exposeHeaders: ['WWW-Authenticate', 'X-Correlation-Id'] }))

/** Tells a refused client where to get a token (RFC 9728). */
const METADATA_PATH = `/.well-known/oauth-protected-resource${PATH}`
app.all(
  METADATA_PATH,
  protectedResource({
    resource: RESOURCE,
    authorizationServers: [ISSUER],
    scopes: [READ, WRITE],
    name: 'Notes',
  }),
)
/** The token must be for this server, with any scopes. */
const allow = (scopes: readonly string[]): MiddlewareHandler =>
  scoped(scopes, { audience: RESOURCE, resourceMetadata: `${ORIGIN}${METADATA_PATH}` })

// Checks the token before the message. A tool may need further scopes.
app.post(PATH, allow([READ]), bodyLimit({ maxSize: 64_000 }), async (c, next) => {
  const version = c.req.header('MCP-Protocol-Version')
  if (version !== undefined && !PROTOCOL_VERSIONS.includes(version)) {
    return c.json(
      failure(BAD_MESSAGE, `MCP-Protocol-Version: ${PROTOCOL_VERSIONS.join(', ')}`),
      400,
    )
  }
  const read = Message.safeParse(await c.req.json().catch(() => null))
  if (!read.success) return c.json(failure(BAD_MESSAGE, 'The body is no JSON-RPC request.'), 400)
  c.set('message', read.data)
  const tool = toolOf(read.data)
  return tool ? allow(tool.scopes)(c, next) : next()
})

app.post(PATH, async (c) => {
  const { message } = c.var
  const { id, method, params } = message
  if (id === undefined) return c.body(null, 202)
  const succeed = (result: object) => c.json({ jsonrpc: '2.0', id, result })
  switch (method) {
    case 'initialize': {
      const asked = textOf(params?.protocolVersion)
      return succeed({
        protocolVersion: PROTOCOL_VERSIONS.includes(asked) ? asked : PROTOCOL_VERSIONS[0],
        capabilities: { tools: {} },
        serverInfo: { name: 'notes', version: '1.0.0' },
      })
    }
    case 'ping':
      return succeed({})
    case 'tools/list': {
      const tools = [...TOOLS].map(([name, { description, inputSchema }]) => ({
        ...{ name, description, inputSchema },
      }))
      return succeed({ tools })
    }
    case 'tools/call': {
      const tool = toolOf(message)
      if (!tool) return c.json(failure(BAD_PARAMS, 'There is no such tool.', id))
      const { user } = c.var.session
      const say = (text: string, isError: boolean) =>
        succeed({ content: [{ type: 'text', text }], isError })
      if (!user) return say("Notes belong to a user, and this is a client's own token.", true)
      try {
        return say(await tool.call(c.env.NOTES, user.user_id, params?.arguments), false)
      } catch (fault) {
        if (!(fault instanceof z.core.$ZodError)) throw fault
        return say(z.prettifyError(fault), true)
      }
    }
    default:
      return c.json(failure(NO_SUCH_METHOD, 'There is no such method.', id))
  }
})

// This server has no streams and no sessions.
app.all(PATH, (c) => c.body(null, 405, { Allow: 'POST' }))

function toolOf({ method, params }: Message) {
  return method === 'tools/call' ? TOOLS.get(textOf(params?.name)) : undefined
}

export default app
