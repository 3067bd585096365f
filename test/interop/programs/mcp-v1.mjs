import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import { runMcpClient } from './mcp-client.mjs'

await runMcpClient(auth)
