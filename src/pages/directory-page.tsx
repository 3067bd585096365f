/** The public directory of applications: the same page for everybody, whether signed in or not. */

import type { Branding } from '../domain/branding.ts'
import type { DescribedScope } from '../domain/scope-catalogue.ts'
import { Layout } from './layout.tsx'
import { HostLink, Name, PageLinks, PermissionItems, ProblemNotice, Submit } from './parts.tsx'
import { PORTAL_STYLE_PATH } from './portal/frame.tsx'

export const DIRECTORY_PATH = '/directory'

export type ShownApplication = Readonly<{
  name: string
  url: string
  description: string
  /** Null if the owner is no registered user. */
  ownerName: string | null
  /** The path of the application's logo here; null if there is none. */
  logoPath: string | null
  isLookAlike: boolean
  scopes: readonly DescribedScope[]
}>

export type DirectoryProps = Readonly<{
  branding: Branding
  /** The search text; '' for the whole directory. */
  search: string
  /** Why nothing is shown, or null. */
  problem: string | null
  applications: readonly ShownApplication[]
  isFirstPage: boolean
  /** The address of the next page; null after the last. */
  nextPage: string | null
}>

const SearchForm = ({ search }: Pick<DirectoryProps, 'search'>) => (
  <search>
    <form method="get" action={DIRECTORY_PATH}>
      <div class="field">
        <label for="q">Name or host</label>
        <input
          id="q"
          type="search"
          name="q"
          value={search}
          dir="auto"
          maxlength={100}
          autocomplete="off"
          spellcheck={false}
        />
      </div>
      <Submit isMinor>Search</Submit>
    </form>
  </search>
)

const Permissions = ({ scopes }: Pick<ShownApplication, 'scopes'>) =>
  scopes.length === 0 ? (
    <p class="small muted">It has no permissions to ask for.</p>
  ) : (
    <details>
      <summary>
        It may ask for {scopes.length} {scopes.length === 1 ? 'permission' : 'permissions'}
      </summary>
      <ul class="held">
        <PermissionItems scopes={scopes} endorsements={[]} />
      </ul>
    </details>
  )

const Application = ({ of, branding }: { of: ShownApplication; branding: Branding }) => (
  <li>
    <div class="entry">
      {/* Hidden from screen readers: the heading names the application. */}
      {of.logoPath !== null && (
        <img class="logo" src={of.logoPath} alt="" width="48" height="48" loading="lazy" />
      )}
      <div>
        <h2 dir="auto">
          <bdi>{of.name}</bdi>
        </h2>
        <p class="small muted">
          <HostLink address={of.url} />
          {of.ownerName !== null && (
            <>
              {' '}
              by <Name>{of.ownerName}</Name>
            </>
          )}
        </p>
      </div>
    </div>
    {of.isLookAlike && (
      <p class="caution">
        The name <bdi>{of.name}</bdi> looks like <bdi>{branding.serviceName}</bdi>, which does not
        run this application.
      </p>
    )}
    {of.description !== '' && <p dir="auto">{of.description}</p>}
    <Permissions {...of} />
  </li>
)

const Begin = ({ text }: { text: string }) => (
  <p>
    <a href={DIRECTORY_PATH}>{text}</a>
  </p>
)

/** The text if no application is shown. */
const Nothing = ({ search, isFirstPage }: DirectoryProps) => {
  if (!isFirstPage) {
    return (
      <>
        <p role="status">There are no more applications.</p>
        <Begin text="To the beginning of the directory" />
      </>
    )
  }
  if (search === '') return <p role="status">No application is listed yet.</p>
  return (
    <>
      <p role="status">
        No listed application has a name or a host with <Name>{search}</Name>. A search finds the
        beginning of words.
      </p>
      <Begin text="All applications" />
    </>
  )
}

export const DirectoryPage = (p: DirectoryProps) => (
  <Layout branding={p.branding} title="Directory of applications">
    <link rel="stylesheet" href={PORTAL_STYLE_PATH} />
    <h1>Directory of applications</h1>
    <p class="lead">
      These applications can ask for access to your account at <bdi>{p.branding.serviceName}</bdi>.
      Their owners wrote what they say about themselves, and <bdi>{p.branding.serviceName}</bdi>{' '}
      does not run them.
    </p>
    <SearchForm search={p.search} />
    {p.problem !== null ? (
      <>
        <ProblemNotice text={p.problem} />
        <Begin text="To the beginning of the directory" />
      </>
    ) : p.applications.length === 0 ? (
      <Nothing {...p} />
    ) : (
      <ul class="listed applications">
        {p.applications.map((one) => (
          <Application of={one} branding={p.branding} />
        ))}
      </ul>
    )}
    <PageLinks
      label="Pages of the directory"
      links={[
        ['Beginning', p.isFirstPage ? null : DIRECTORY_PATH],
        ['Next', p.nextPage],
      ]}
    />
  </Layout>
)
