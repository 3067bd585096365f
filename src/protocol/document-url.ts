/** Ids of clients that are addresses of client metadata documents. `outbound-url.ts` says which addresses are asked. */

/** No id of ours is one. `http:` is for loopback addresses. */
export const isDocumentUrl = (clientId: string) => /^https?:\/\//.test(clientId)
