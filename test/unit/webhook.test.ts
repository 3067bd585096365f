/** The webhook's settings, its signature and its body. */

import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  newWebhookSecret,
  readWebhookSecrets,
  webhookSignature,
} from '../../src/crypto/webhook-signature.ts'
import { webhookBody } from '../../src/flows/webhook.ts'
import { webhookProblems } from '../../src/webhook-settings.ts'

const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`
const ISSUER = 'https://registry.example'
const WEBHOOK_URL = 'https://receiver.example/hook'
const WEBHOOK_SECRET = secretOf(32)
const MUST_BE =
  'WEBHOOK_SECRET: must be whsec_ and the base64 of 24 to 64 random bytes, or two of these with a space between'

describe('the settings of the webhook', () => {
  it.each([
    {},
    { WEBHOOK_URL: '', WEBHOOK_SECRET: '' },
    { WEBHOOK_URL, WEBHOOK_SECRET },
    { WEBHOOK_URL, WEBHOOK_SECRET: secretOf(24) },
    { WEBHOOK_URL, WEBHOOK_SECRET: secretOf(64) },
    { WEBHOOK_URL, WEBHOOK_SECRET: ` ${secretOf(25)}  ${secretOf(26)}\n` },
    // An operator may create the secret before the URL is known.
    { WEBHOOK_SECRET },
    { ISSUER: 'http://127.0.0.1:8787', WEBHOOK_URL: 'http://127.0.0.1:9100/hook', WEBHOOK_SECRET },
  ])('these settings of the webhook are accepted: %j', (given) => {
    expect(webhookProblems({ ISSUER, ...given })).toEqual([])
  })

  it('a new secret of the webhook is accepted', () => {
    expect(webhookProblems({ ISSUER, WEBHOOK_URL, WEBHOOK_SECRET: newWebhookSecret() })).toEqual([])
  })

  it.each([
    ['http://receiver.example/hook', 'must be an https URL'],
    ['https://receiver.example:8443/hook', 'must not name another port than 443'],
    ['https://10.0.0.7/hook', 'must not name an IP address'],
    ['https://169.254.169.254/latest', 'must not name an IP address'],
    ['https://[::1]/hook', 'must not name an IP address'],
    ['https://localhost/hook', 'must have a host name with a dot in it'],
    ['https://receiver.internal/hook', 'must have a public host name'],
    ['https://user:secret@receiver.example/hook', 'must not name a user or a password'],
    ['https://receiver.example/hook#top', 'must not have a fragment'],
    // A loopback address is allowed only if ISSUER is one too.
    ['http://127.0.0.1:9100/hook', 'must be an https URL'],
  ])('the webhook URL %s is refused with an error that does not repeat it', (url, problem) => {
    expect(webhookProblems({ ISSUER, WEBHOOK_URL: url, WEBHOOK_SECRET })).toEqual([
      `WEBHOOK_URL: ${problem}`,
    ])
  })

  it.each<[string, unknown]>([
    ['has no prefix', WEBHOOK_SECRET.replace('whsec_', '')],
    ['is not base64', 'whsec_%%%%'],
    ['is base64url', secretOf(32).replace(/=*$/, '')],
    ['has 23 bytes', secretOf(23)],
    ['has 65 bytes', secretOf(65)],
    ['is three secrets', [1, 2, 3].map(() => WEBHOOK_SECRET).join(' ')],
    ['is one good secret and one bad', `${WEBHOOK_SECRET} whsec_`],
    ['is spaces', '  '],
  ])('a webhook secret that %s is refused with an error that does not contain it', (_, secret) => {
    expect(webhookProblems({ ISSUER, WEBHOOK_URL, WEBHOOK_SECRET: secret })).toEqual([MUST_BE])
    expect(webhookProblems({ ISSUER, WEBHOOK_SECRET: secret })).toEqual([MUST_BE])
  })

  it.each([undefined, '', 7])('a webhook URL with the secret %j is refused', (secret) => {
    expect(webhookProblems({ ISSUER, WEBHOOK_URL, WEBHOOK_SECRET: secret })).toEqual([
      'WEBHOOK_SECRET: must be set while WEBHOOK_URL is',
    ])
  })

  it('a webhook URL at a loopback address is refused if no issuer is set', () => {
    const given = { WEBHOOK_URL: 'http://127.0.0.1:9100/hook', WEBHOOK_SECRET }
    expect(webhookProblems(given)).toEqual(['WEBHOOK_URL: must be an https URL'])
  })
})

describe('the signature and the body of the webhook', () => {
  it('the signature of the webhook is the HMAC-SHA-256 of the id, the time and the body, with each secret', async () => {
    const secrets = [secretOf(24), secretOf(64)]
    const message = { webhookId: 'msg_1', timestamp: 1_800_000_000, body: '{"name":"Ünïcode"}' }
    const expected = secrets.map((secret) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
      const signed = `msg_1.1800000000.${message.body}`
      return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
    })
    const signature = await webhookSignature(readWebhookSecrets(secrets.join(' ')), message)
    expect(signature).toBe(expected.join(' '))
  })

  it.each([
    ['user:ada', 'ada'],
    ['client:registry-command-line user:ada', 'ada'],
    ['client:registry-operator', null],
    ['registration', null],
    ['document', null],
    ['', null],
  ])('the body of the webhook has the actor %j unchanged, and the user %j', (actor, userId) => {
    const body = webhookBody(
      {
        webhookId: 'msg_1',
        event: 'request.created',
        clientId: 'c',
        clientName: '<script>alert(1)</script>',
        clientKind: 'operator',
        told: [{ kind: 'scope', value: 'public:read' }],
        actor,
        createdAt: 1_800_000_000,
        attempts: 1,
      },
      ISSUER,
    )
    expect(JSON.parse(body)).toEqual({
      type: 'request.created',
      timestamp: '2027-01-15T08:00:00.000Z',
      data: {
        client_id: 'c',
        client_name: '<script>alert(1)</script>',
        client_kind: 'operator',
        permissions: [{ kind: 'scope', value: 'public:read' }],
        actor,
        user_id: userId,
        approvals_url: `${ISSUER}/approvals`,
      },
    })
  })
})
