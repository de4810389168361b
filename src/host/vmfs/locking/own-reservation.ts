// The one reservation that an I_T nexus can have, shared by the procedures of a host: one at a time has it, and it is worth nothing
// any more once the nexus was lost or reset in between, whichever procedure was told.

export class OwnReservation {
  #owner: unknown
  #epoch = 0

  /**
   * Before RESERVE is sent. `epoch` is another number after each loss of the nexus and each reset.
   * @returns false while another procedure has it
   */
  begin(procedure: unknown, epoch: number): boolean {
    if (this.#owner !== undefined && this.#owner !== procedure) return false
    this.#owner = procedure
    this.#epoch = epoch
    return true
  }

  /** Whether a procedure relies on a reservation that is gone: what it sends is not to be sent. */
  isLost(procedure: unknown, epoch: number): boolean {
    return this.#owner === procedure && this.#epoch !== epoch
  }

  end(procedure: unknown): void {
    if (this.#owner === procedure) this.#owner = undefined
  }
}
