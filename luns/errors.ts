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

/** A long operation was asked to stop, and stopped between two pieces; what it had done stays done. */
export class AbortedError extends Error {
  constructor() {
    super('the operation was aborted')
    this.name = 'AbortedError'
  }
}

/** The name that the system gave a failure: 'ENOSPC', or undefined where it gave none. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

const FAILURES: Readonly<Record<string, StoreFailure>> = {
  ENOSPC: 'no space',
  EDQUOT: 'no space',
  EROFS: 'read-only',
}

/** A failed system call on the image at `path`, as the target wants to hear of it. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error
  const failure = FAILURES[errorCode(error) ?? ''] ?? 'I/O error'
  return new StoreError(failure, `${path}: ${failure}: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  })
}
