/** What the store of client metadata documents promises to the flow that reads them. */

import type { ClientRecord, GrantType } from '../domain/client.ts'
import type { HostRule } from '../domain/document-host.ts'

/** What a document asked for when it was last read. Null: it did not say. */
export type Asked = Readonly<{ scopes: readonly string[] | null; grantTypes: readonly GrantType[] }>

/** What was kept of the document when it was last read, in epoch seconds. */
export type KeptDocument = Readonly<{ asked: Asked; fetchedAt: number }>

/** A declared scope. `isFree`: clients that register themselves get it without approval. Epoch seconds. */
export type DeclaredForClients = Readonly<{ name: string; isFree: boolean; updatedAt: number }>

type Claimed = Readonly<{
  /** May its host be asked now? True for one of any number of calls in `ATTEMPT_SECONDS`, by D1's clock. */
  mayAsk: boolean
  /** The operator's rule for the host; null if there is none. */
  rule: HostRule | null
}>

export interface ClientDocumentStore {
  /** The beginning of an attempt, in one batch. `kept` null: nothing was kept of a document of this client. */
  begin(
    clientId: string,
    host: string,
  ): Promise<
    Claimed &
      Readonly<{
        record: ClientRecord | null
        kept: KeptDocument | null
        catalogue: readonly DeclaredForClients[]
      }>
  >
  claim(host: string): Promise<Claimed>
  /**
   * For a client that registered itself by a document; otherwise it writes nothing. `mayAskAgain`: the attempt has
   * succeeded, so that the next document of the host need not wait. Instants in epoch seconds.
   */
  keep(
    clientId: string,
    document: Readonly<{ host: string; asked: Asked; fetchedAt: number; freshUntil: number }>,
    mayAskAgain: boolean,
  ): Promise<void>
}
