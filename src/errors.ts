// What an operator can cure: a mistake in a file or on the command line, a port in use, an image held by another array.
// The message names the cause and the cure in one sentence; the command line prints it alone, without a stack.

export class OperatorError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OperatorError'
  }
}
