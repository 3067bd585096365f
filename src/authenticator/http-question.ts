/** A question that came over HTTP, about the request that a DPoP proof must be for. */

import type { Question } from './check.ts'
import type { OriginalRequest } from './proxy.ts'
import type { Requirement } from './query.ts'

/** Each header is read only when it matters. */
export class HttpQuestion implements Question {
  readonly scopes: Requirement['scopes']
  readonly resource: Requirement['resource']
  readonly category: Requirement['category']
  readonly immediate: Requirement['immediate']
  readonly required: Requirement['required']
  readonly #headers: Headers
  readonly #original: OriginalRequest

  constructor(requirement: Requirement, headers: Headers, original: OriginalRequest) {
    this.scopes = requirement.scopes
    this.resource = requirement.resource
    this.category = requirement.category
    this.immediate = requirement.immediate
    this.required = requirement.required
    this.#headers = headers
    this.#original = original
  }

  get authorization() {
    return this.#headers.get('Authorization')
  }

  get cookie() {
    return this.#headers.get('Cookie')
  }

  get dpop() {
    return this.#headers.get('DPoP')
  }

  get method() {
    return this.#original.method
  }

  get url() {
    return this.#original.url
  }
}
