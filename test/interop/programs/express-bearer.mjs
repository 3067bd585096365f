/** A service with `express-oauth2-jwt-bearer`, strict about RFC 9068: `express-bearer.mjs ISSUER AUDIENCE SCOPE PORT`. */

import express from 'express'
import bearer from 'express-oauth2-jwt-bearer'

const [issuer, audience, scope, port] = process.argv.slice(2)
const jwksUri = `${issuer}/jwks.json`
const service = express()
service.use(bearer.auth({ issuer, audience, jwksUri, strict: true }), bearer.requiredScopes(scope))
service.get('/', ({ auth }, response) => response.json({ sub: auth.payload.sub }))
service.use((fault, _request, response, _next) => response.status(fault.status ?? 500).end())
service.listen(Number(port), '127.0.0.1', () => console.log('READY'))
