// The ways a store fails. One function of the target turns each into status and sense.

/** 'cannot open' is the operator's to cure (a missing directory, an image in use); the rest happen under load. */
export type StoreFailure = 'no space' | 'read-only' | 'I/O error' | 'cannot open'

export class StoreError extends Error {
  readonly failure: StoreFailure

  constructor(failure: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.failure = failure
  }
}
