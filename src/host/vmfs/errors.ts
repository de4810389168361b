// The one way in which work on a volume fails: what happened, where on the volume, in one sentence for whoever asked.

import { OperatorError } from '../../errors.ts'

export type VmfsProblem =
  | 'not a volume'
  | 'unsupported'
  | 'damaged'
  | 'no such file'
  | 'exists'
  | 'not a directory'
  | 'is a directory'
  | 'not empty'
  | 'bad name'
  | 'no space'
  | 'too large'
  | 'read-only'
  | 'in use'

export class VmfsError extends OperatorError {
  readonly problem: VmfsProblem
  /** Byte offset in the logical volume of what is damaged, where there is such a place. */
  readonly volumeOffset: number | undefined

  constructor(problem: VmfsProblem, message: string, volumeOffset?: number) {
    super(message)
    this.name = 'VmfsError'
    this.problem = problem
    this.volumeOffset = volumeOffset
  }
}
