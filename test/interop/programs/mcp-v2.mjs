import { auth } from '@modelcontextprotocol/client'
import { runMcpClient } from './mcp-client.mjs'

await runMcpClient(auth)
