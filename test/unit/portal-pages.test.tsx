/** The pages of the portal: the words of clients, owners and operators never become markup or code. */

import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { DEFAULT_BRANDING } from '../../src/domain/branding.ts'
import { DirectoryPage } from '../../src/pages/directory-page.tsx'
import {
  ApprovalPage,
  type ApprovalProps,
  NoClientPage,
} from '../../src/pages/portal/approval-page.tsx'
import { ApprovalsPage, NotApproverPage } from '../../src/pages/portal/approvals-page.tsx'
import { EditClientPage, NewClientPage } from '../../src/pages/portal/client-form-page.tsx'
import { ClientListPage } from '../../src/pages/portal/client-list-page.tsx'
import { ClientPage, type ClientPageProps } from '../../src/pages/portal/client-page.tsx'
import { type ConfiguredClient, snippetsFor } from '../../src/pages/portal/client-settings.ts'
import { ConfirmPage } from '../../src/pages/portal/confirm-page.tsx'
import { COPY_SCRIPT, COPY_SCRIPT_DIGEST, CopyScript } from '../../src/pages/portal/copying.tsx'
import { type FrameProps, SignedOutPage } from '../../src/pages/portal/frame.tsx'
import { HistoryPage } from '../../src/pages/portal/history.tsx'
import { KeysPage } from '../../src/pages/portal/keys-page.tsx'
import { ListingPage } from '../../src/pages/portal/listing-page.tsx'
import { OwnersPage } from '../../src/pages/portal/owners-page.tsx'
import type { ShownPermission } from '../../src/pages/portal/permissions.tsx'
import { PermissionsPage } from '../../src/pages/portal/permissions-page.tsx'
import { NewSecretPage, SecretsPage } from '../../src/pages/portal/secret-pages.tsx'
import { HOSTILE, html, named, offences, tagsOf } from './page-samples.tsx'

const pagesWith = (text: string): Record<string, string> => {
  const branding = DEFAULT_BRANDING
  /** A form with a problem in each of these fields. */
  const frameOf = (...fields: string[]): FrameProps => ({
    branding,
    ...{ username: text, mayApprove: true, signOutToken: text, done: text },
    problem: {
      sentence: text,
      errors: Object.fromEntries(fields.map((field) => [field, text])),
    },
  })
  const frame = frameOf()
  const hidden = [[text, text]] as const
  const typed = {
    ...{ name: text, url: text, description: text, logo_uri: text },
    ...{ redirect_uris: text, kind: text, jwks: text, jwks_uri: text },
  }
  const decision = { decision: 'declined', decidedAt: 1, reason: text } as const
  const permission: ShownPermission = {
    ...{ kind: 'scope', value: text, sentence: text, isUndeclared: true, state: 'requested' },
    ...{ requestedAt: 1, authorizedAt: 2, decision },
  }
  const askable = { value: text, sentence: text, isSensitive: true, isFree: true, isChecked: true }
  const form = { action: '/clients', hidden }
  const filled = { frame, form, typed }
  const one = { frame, clientId: text, name: text }
  const client: ClientPageProps['client'] = {
    ...{ issuer: 'https://registry.example', clientId: text, name: text, url: text },
    ...{ description: text, authMethod: 'client_secret', requirePkce: true, createdAt: 1 },
    logoUri: text,
    ...{ grantTypes: ['authorization_code', 'client_credentials'], redirectUris: [text] },
    scopes: [text],
    keyAlgorithm: null,
  }
  const listing = { requestedAt: 1, listedAt: null, declinedAt: null, reason: '' }
  const scopes = [{ scope: text, sentence: text, isSensitive: true }]
  const entry = { happenedAt: 1, who: '', name: text, did: 'did', values: [text], reason: text }
  const offer = { name: text, offeredAt: 1, declinedAt: null }
  const offered = { ...offer, clientId: text, isEnabled: false, offeredBy: text, form }
  const approval: ApprovalProps = {
    ...{ frame, client: { ...client, selfRegistered: null, disabledAt: 1 }, owners: [text] },
    offers: [offer],
    logoPath: '/logos/x',
    signInAddress: text,
    asked: [
      {
        ...{ permission, isSensitive: true, resources: [text] },
        isChecked: true,
      },
    ],
    held: [permission],
    changes: [{ field: 'Name', before: [text], now: [text] }],
    ...{ history: [entry], since: [entry], whyNot: null, form },
    typed: { reason: text, listing_reason: text },
    listing: { ...listing, isLookAlike: true, form },
  }
  const owner = { name: text, isYou: true, removal: form }
  const listed = { clientId: text, name: text, isEnabled: false, createdAt: 1, waiting: 2 }
  return {
    list: html(
      <ClientListPage
        {...{ frame, clients: [listed], offers: [offered] }}
        {...{ owned: 51, page: 1, pages: 2, left: 3 }}
      />,
    ),
    'new client': html(
      <NewClientPage
        {...filled}
        frame={frameOf('name', 'url', 'logo_uri', 'redirect_uris', 'kind', 'jwks', 'jwks_uri')}
      />,
    ),
    edit: html(
      <EditClientPage {...filled} {...one} isListed frame={frameOf('name', 'description')} />,
    ),
    client: html(
      <ClientPage
        {...{ frame, client, state: 'disabled_by_owner', isPrivileged: false }}
        permissions={[permission]}
        owners={[text]}
        logoPath="/logos/x"
        hasDirectory
      />,
    ),
    'new secret': html(
      <NewSecretPage {...one} title="A new secret" clientSecret={text} notes={[text]} />,
    ),
    secrets: html(
      <SecretsPage
        {...one}
        frame={frameOf('overlap')}
        {...{ method: 'secret', rotation: form, useSecret: form }}
        secrets={[
          { createdAt: 2, expiresAt: null, lastUsedAt: null },
          { createdAt: 1, expiresAt: 2, lastUsedAt: 1 },
        ]}
        overlaps={[{ seconds: 0, isChecked: true }]}
      />,
    ),
    'secrets of a client with keys': html(
      <SecretsPage
        {...one}
        {...{ method: 'keys', rotation: form, useSecret: form }}
        {...{ secrets: [], overlaps: [] }}
      />,
    ),
    keys: html(
      <KeysPage
        {...one}
        frame={frameOf('jwks', 'jwks_uri')}
        {...{ method: 'keys', address: text, notes: [text] }}
        keys={[{ id: text, hasOwnId: false, type: text, algorithm: text }]}
        {...{ typed, form }}
      />,
    ),
    permissions: html(
      <PermissionsPage
        {...one}
        frame={frameOf('other_scopes', 'grant_types', 'endorsements', 'take')}
        permissions={[permission]}
        groups={[{ resource: { uri: text, name: text }, scopes: [askable] }]}
        grantTypes={[askable]}
        typed={{ other_scopes: text, endorsements: text }}
        forms={{ ask: form, takeBack: form }}
      />,
    ),
    owners: html(
      <OwnersPage
        {...one}
        owners={[owner]}
        offers={[
          { ...offer, takeBack: form },
          { ...offer, declinedAt: 2, takeBack: null },
        ]}
        {...{ form, typed: { owner: text } }}
      />,
    ),
    confirm: html(
      <ConfirmPage
        {...{ ...one, title: 'Delete this client?', ends: [text] }}
        {...{ form, button: 'Delete it' }}
      />,
    ),
    approvals: html(
      <ApprovalsPage
        {...{ frame, part: 'first', next: '/approvals?after=x', nextListings: text }}
        listings={[{ clientId: text, name: text, owner: text, isEnabled: false, requestedAt: 1 }]}
        waiting={[
          {
            ...{ clientId: text, name: text, selfRegistered: { kind: 'registration' }, owner: '' },
            ...{ isOwn: true, isEnabled: false, requestedAt: 1, sentences: [text], more: 2 },
          },
          {
            ...{ clientId: text, name: text, selfRegistered: null, owner: text },
            ...{ isOwn: false, isEnabled: true, requestedAt: 1, sentences: [text], more: 0 },
          },
        ]}
      />,
    ),
    'no approver': html(<NotApproverPage frame={frame} />),
    approval: html(<ApprovalPage {...approval} frame={frameOf('decide', 'reason')} />),
    'approval of others': html(<ApprovalPage {...approval} whyNot={text} />),
    'approval of nothing': html(<NoClientPage frame={frame} history={[entry]} />),
    listing: html(
      <ListingPage
        {...{ frame, page: text, logoPath: '/logos/x', ownerName: text, scopes }}
        client={{ ...client, disabledAt: 1, listing: { ...listing, declinedAt: 1, reason: text } }}
        forms={{ ask: form, takeBack: form }}
      />,
    ),
    directory: html(
      <DirectoryPage
        {...{
          branding,
          search: text,
          problem: null,
          isFirstPage: false,
          nextPage: '/directory?q=x',
        }}
        applications={[
          {
            ...{ name: text, url: text, description: text, ownerName: text, logoPath: '/logos/x' },
            ...{ isLookAlike: true, scopes },
          },
        ]}
      />,
    ),
    'directory without a hit': html(
      <DirectoryPage
        {...{ branding, search: text, problem: null, isFirstPage: true, nextPage: null }}
        applications={[]}
      />,
    ),
    history: html(<HistoryPage {...one} entries={[entry]} page={2} hasMore />),
    'signed out': html(
      <SignedOutPage
        {...{ branding, action: '/new-client', fields: hidden, signInAddress: '/login' }}
      />,
    ),
  }
}

const PAGES = [
  ...Object.entries(pagesWith('Reading list')),
  ...Object.entries(pagesWith(HOSTILE)).map(([name, page]) => [`${name}, hostile`, page] as const),
] as const

describe('the pages of the portal', () => {
  it.each(PAGES)(
    'the page %s has no inline style or event handler, and no script except the one that copies',
    (_, page) => {
      expect(offences(page.replace(html(<CopyScript />), ''))).toEqual([])
    },
  )

  it('the policy of the portal has the digest of the script that copies', async () => {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(COPY_SCRIPT))
    expect(COPY_SCRIPT_DIGEST).toBe(Buffer.from(digest).toString('base64'))
    expect(html(<CopyScript />)).toBe(`<script>${COPY_SCRIPT}</script>`)
  })

  it.each(PAGES)(
    'the page %s is a complete document with one h1 and without words of a client in its title',
    (_, page) => {
      expect(page).toMatch(/^<!doctype html><html lang="en">/)
      expect(page).toMatch(/<\/html>$/)
      expect(named(page, 'h1')).toHaveLength(1)
      expect(/<title>(.*?)<\/title>/.exec(page)?.[1]).not.toMatch(/Reading list|alert/)
    },
  )

  it.each(PAGES)(
    'each label, description and link of the page %s refers to a field that exists',
    (_, page) => {
      const tags = tagsOf(page)
      const ids = tags.flatMap(({ attributes: { id } }) => (id ? [id] : []))
      expect(new Set(ids).size).toBe(ids.length)
      for (const { name, attributes } of tags) {
        const { for: labelled = '', 'aria-describedby': described = '', href = '' } = attributes
        const named = [...labelled.split(' '), ...described.split(' ')].filter(Boolean)
        if (name === 'a' && href.startsWith('#')) named.push(href.slice(1))
        for (const id of named) expect(ids).toContain(id)
      }
    },
  )
})

const CLIENT: ConfiguredClient = {
  issuer: 'https://registry.example',
  clientId: 'c-1',
  authMethod: 'client_secret',
  grantTypes: ['authorization_code', 'client_credentials'],
  redirectUris: ['https://app.example/callback'],
  scopes: ['files:read', 'files:write'],
  keyAlgorithm: null,
}
const codeOf = (client: ConfiguredClient) => snippetsFor(client).map(({ code }) => code)

describe('settings for libraries', () => {
  it('the code for a public client has no secret, and the code for other clients reads the secret from the environment', () => {
    for (const code of codeOf({
      ...CLIENT,
      authMethod: 'none',
      grantTypes: ['authorization_code'],
    })) {
      expect(code).not.toMatch(/secret/i)
    }
    const all = codeOf(CLIENT).join('\n')
    expect(all).toContain('process.env.CLIENT_SECRET')
    expect(all).toContain("os.environ['CLIENT_SECRET']")
    expect(all).toContain('"$CLIENT_SECRET"')
  })

  it('the code uses the authentication method of the client', () => {
    const posting = codeOf({ ...CLIENT, authMethod: 'client_secret_post' }).join('\n')
    expect(posting).toContain('ClientSecretPost')
    expect(posting).toContain("token_endpoint_auth_method='client_secret_post'")
    expect(posting).not.toMatch(/ClientSecretBasic|curl [^\n]*-u /)
    expect(snippetsFor({ ...CLIENT, grantTypes: [] })).toEqual([])
  })

  it('the code for a client with keys reads its private key from the environment and has no secret', () => {
    for (const [keyAlgorithm, named] of Object.entries({
      ES256: "{ name: 'ECDSA', namedCurve: 'P-256' }",
      EdDSA: "'Ed25519'",
      RS256: 'RSASSA-PKCS1-v1_5',
      PS256: 'RSA-PSS',
    })) {
      const signing = { ...CLIENT, authMethod: 'private_key_jwt', keyAlgorithm } as ConfiguredClient
      const codes = codeOf(signing)
      expect(codes).toHaveLength(5)
      for (const code of codes) {
        expect(code).toContain('CLIENT_KEY')
        expect(code).not.toContain('CLIENT_SECRET')
        expect(code).toContain(code.includes('import * as') ? named : `alg='${keyAlgorithm}'`)
      }
    }
  })

  it('the code allows plain http only for an issuer at a loopback address', () => {
    expect(codeOf(CLIENT).join()).not.toContain('allowInsecureRequests')
    const local = codeOf({ ...CLIENT, issuer: 'http://127.0.0.1:8787' }).join()
    expect(local).toContain('allowInsecureRequests')
  })

  it('a redirect URI or a scope cannot end the string literal of the code that contains it', () => {
    const evil = "https://a.example/'); globalThis.ran = true; ('"
    const [code = ''] = codeOf({ ...CLIENT, redirectUris: [evil], scopes: ["a'b", 'c\\'] })
    const literal = /redirect_uri: ('(?:[^'\\]|\\.)*')/.exec(code)?.[1] ?? ''
    const scope = /scope: ('(?:[^'\\]|\\.)*')/.exec(code)?.[1] ?? ''
    expect(runInNewContext(literal)).toBe(evil)
    expect(runInNewContext(scope)).toBe("a'b c\\")
  })
})
