import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { runMcpHost } from './mcp-host.mjs'

const options = process.env.NEGOTIATE ? { versionNegotiation: { mode: 'auto' } } : {}
await runMcpHost({ Client, StreamableHTTPClientTransport, options })
