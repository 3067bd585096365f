/** passport-oauth2 in an Express application, which sends the secret in the body. */

import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import {
  CLIENT_ID,
  CLIENT_SECRET,
  callbackFor,
  REDIRECT_URI,
  REGISTRY,
  run,
  SCOPE,
  say,
} from './steps.mjs'

await run(async () => {
  const strategy = new OAuth2Strategy(
    {
      authorizationURL: `${REGISTRY}/authorize`,
      tokenURL: `${REGISTRY}/token`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: REDIRECT_URI,
      scope: SCOPE.split(' '),
      state: true,
      pkce: true,
    },
    (access_token, refresh_token, { scope }, _profile, done) =>
      done(null, { access_token, refresh_token, scope }),
  )
  passport.use(strategy)
  const application = express()
  application.use(session({ secret: 'of the test', resave: false, saveUninitialized: false }))
  application.get('/login', passport.authenticate('oauth2', { session: false }))
  application.get('/callback', (request, response, next) =>
    passport.authenticate('oauth2', { session: false }, (fault, user, told) => {
      if (user) return response.json(user)
      return response.status(401).json({ error: fault?.oauthError?.data ?? told?.message })
    })(request, response, next),
  )
  const server = application.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const origin = `http://127.0.0.1:${server.address().port}`

  const started = await fetch(`${origin}/login`, { redirect: 'manual' })
  const [cookie] = (started.headers.get('Set-Cookie') ?? '').split(';')
  const { search } = await callbackFor(started.headers.get('Location'))
  const answer = await fetch(`${origin}/callback${search}`, { headers: { Cookie: cookie } })
  const body = await answer.json()
  if (answer.status !== 200) throw body
  say('TOKEN', body)
  const refreshed = await new Promise((resolve, reject) =>
    strategy._oauth2.getOAuthAccessToken(
      body.refresh_token,
      { grant_type: 'refresh_token' },
      (fault, access_token, refresh_token, { scope } = {}) =>
        fault ? reject(fault) : resolve({ access_token, refresh_token, scope }),
    ),
  )
  say('REFRESHED', refreshed)
  server.close()
})
