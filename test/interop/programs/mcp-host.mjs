/**
 * A host of an MCP server ($SERVER), with either client library. It has the server's URL and the id of a registered client.
 * It prints the result of each tool and the tokens that the library saved.
 */

import { CLIENT_ID, callbackFor, REDIRECT_URI, run, say } from './steps.mjs'

const UNAUTHORIZED = 'UnauthorizedError'

export const runMcpHost = ({ Client, StreamableHTTPClientTransport, options = {} }) =>
  run(async () => {
    let tokens
    let verifier
    let authorizationUrl
    let mayRefresh = true
    const provider = {
      redirectUrl: REDIRECT_URI,
      clientMetadata: { client_name: 'MCP host', redirect_uris: [REDIRECT_URI] },
      clientInformation: () => ({ client_id: CLIENT_ID }),
      tokens: () => (tokens && !mayRefresh ? { ...tokens, refresh_token: undefined } : tokens),
      saveTokens: (saved) => {
        tokens = saved
      },
      redirectToAuthorization: (url) => {
        authorizationUrl = url
      },
      saveCodeVerifier: (saved) => {
        verifier = saved
      },
      codeVerifier: () => verifier,
      state: () => 'a-state',
    }

    /** Connects and calls the tool. If the library asks for it, the user decides. */
    async function call(name, given = {}) {
      const transport = new StreamableHTTPClientTransport(new URL(process.env.SERVER), {
        authProvider: provider,
      })
      const client = new Client({ name: 'host', version: '1.0.0' }, options)
      authorizationUrl = undefined
      try {
        await client.connect(transport)
        const { content } = await client.callTool({ name, arguments: given })
        return content[0].text
      } catch (fault) {
        if (fault.constructor.name !== UNAUTHORIZED || !authorizationUrl) throw fault
        const { searchParams } = await callbackFor(authorizationUrl)
        if (!searchParams.has('code')) throw { error: searchParams.get('error') }
        await transport.finishAuth(searchParams.get('code'), searchParams.get('iss'))
        return await call(name, given)
      } finally {
        await client.close()
      }
    }

    say('LISTED', await call('list_notes'))
    say('TOKEN', tokens)

    tokens = { ...tokens, access_token: 'expired' }
    say('LISTED_AGAIN', await call('list_notes'))
    say('REFRESHED', tokens)

    try {
      say('ADDED', await call('add_note', { text: 'Water the plants.' }))
    } catch (fault) {
      // Version 1 refreshes without success if a scope is missing, and leaves the new authorization to its host.
      if ((fault.code ?? fault.status) !== 403) throw fault
      say('FORBIDDEN', 403)
      mayRefresh = false
      say('ADDED', await call('add_note', { text: 'Water the plants.' }))
      mayRefresh = true
    }
    say('STEPPED_UP', tokens)
    say('LISTED_AT_LAST', await call('list_notes'))
  })
