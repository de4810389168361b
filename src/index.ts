// The library: `import { startArray } from 'lunette'`.

export type { ArrayInput } from './config/schema.ts'
export { OperatorError } from './errors.ts'
export { type ArrayOptions, type RunningArray, startArray } from './target/array.ts'
