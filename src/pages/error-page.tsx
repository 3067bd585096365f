/** What a person sees when a request cannot go on and nobody can be told but them. */

import { Layout } from './layout.tsx'

export type ErrorPageProps = Readonly<{
  title: string
  message: string
  /** What the person can do about it, or null. */
  hint: string | null
}>

export const ErrorPage = (p: ErrorPageProps) => (
  <Layout title={p.title}>
    <h1>{p.title}</h1>
    <p class="problem">{p.message}</p>
    {p.hint !== null && <p>{p.hint}</p>}
  </Layout>
)
