// The ways a store fails. One function of the target turns each into status and sense.

export type StoreFailure = 'no space' | 'read-only' | 'I/O error' | 'out of range' | 'busy'

export class StoreError extends Error {
  readonly failure: StoreFailure

  constructor(failure: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.failure = failure
  }
}
