// What one gate has done since it was opened: plain numbers that only ever grow. Only the gate changes them; log pages,
// performance tables and tests read them.

export class GateCounters {
  reads = 0
  bytesRead = 0
  writes = 0
  bytesWritten = 0
  verifies = 0
  compareAndWrites = 0
  miscompares = 0
  writeSames = 0
  unmaps = 0
  /** By UNMAP, and by WRITE SAME of zeroes. */
  bytesCleared = 0
  copies = 0
  bytesCopied = 0
  flushes = 0

  read(length: number): void {
    this.reads++
    this.bytesRead += length
  }

  wrote(length: number): void {
    this.writes++
    this.bytesWritten += length
  }
}
