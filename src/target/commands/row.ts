// One row of the command table: all that anyone asks of a command. Dispatch, the checks before every handler, REPORT
// SUPPORTED OPERATION CODES and the tests read it; nothing of it is said a second time anywhere.

import type { Layout } from '../../../protocol/wire/layout.ts'
import type { Vaai } from '../logical-unit.ts'
import type { Need } from '../readiness.ts'
import type { ReservationClass } from '../reservations.ts'
import type { Task } from '../task.ts'

/** Carries out a command that has been judged. Ends by returning (GOOD) or throwing; a promise only where it must wait. */
type Handler<L extends Layout> = (task: Task<L>) => void | Promise<void>

export interface CommandRow<L extends Layout = Layout> {
  readonly wire: L
  /** What it does to the medium. 'write' is refused on a write-protected one. */
  readonly access: 'none' | 'read' | 'write'
  /** What it needs of a logical unit that another nexus has reserved. */
  readonly reservation: ReservationClass
  /** The logical unit's history tells of it: initiators exclude each other by it. */
  readonly recorded?: true
  /** What must be ready for it. */
  readonly needs: Need
  /** 'pass': a pending unit attention does not stop it (SAM-5 5.14.2). */
  readonly unitAttention?: 'pass'
  /** The limit on NUMBER OF LOGICAL BLOCKS that Block Limits advertises for it. */
  readonly limit?: 'transferBlocks'
  /** The VAAI switch that turns it off. */
  readonly vaai?: keyof Vaai
  /** Fields that are refused unless they are zero. */
  readonly zero?: readonly string[]
  /** Fields that are refused unless they are zero where the medium cannot be removed. */
  readonly removableOnly?: readonly string[]
  /** The limit that, by being zero, says that there is no such command. */
  readonly absentWithout?: 'atomicBlocks'
  /** Only thin-provisioned logical units have it. */
  readonly thinOnly?: true
  readonly run: Handler<L>
}

/** A row in the table: its handler knows its own layout, the table need not. */
export const row = <L extends Layout>(r: CommandRow<L>): CommandRow => r as unknown as CommandRow
