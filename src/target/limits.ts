// Every bound of the array in one place: what a peer can make it hold, and for how long. Those that an operator may set are
// the defaults of `limits` in the configuration (src/config/limits.ts).

const KIB = 1024
const MIB = 1024 * KIB

export const LIMITS = {
  /** What the target declares and offers in a login. */
  maxRecvDataSegmentLength: 256 * KIB,
  maxBurstLength: 1 * MIB,
  firstBurstLength: 256 * KIB,
  maxOutstandingR2T: 4,

  /** MaxConnections: what an initiator needs to use several network paths as one. */
  connectionsPerSession: 8,
  /** Commands that a session may have under way: MaxCmdSN never lets more in. */
  commandWindow: 128,
  /** Immediate commands are outside the window: past this many tasks of a session they are rejected. */
  tasksPerSession: 192,
  /** Data of a PDU, other than a command's, that is kept because its turn has not come: the window bounds how many there are. */
  heldDataLength: 8 * KIB,
  /** Task management requests of a session that wait for their tasks to end. */
  taskManagementPerSession: 32,

  /** Data segment of a Login Request: the default MaxRecvDataSegmentLength (RFC 7143 13.12). */
  loginDataSegmentLength: 8 * KIB,
  /** Key=value text of one negotiation, over all PDUs that the C bit chains. */
  negotiationTextLength: 64 * KIB,
  negotiationPdus: 1024,
  /** From the connection's first byte, or its opening, to full feature phase. */
  loginTimeoutMs: 15_000,
  sessions: 4096,
  sessionsPerInitiator: 1024,
  connections: 8192,
  connectionsPerAddress: 8192,
  /** Past this the oldest connection that has not logged in makes room: a flood of them locks nobody out. */
  connectionsBeforeLogin: 1024,
  /** What connections write to the log in so many seconds, in lines; the rest is told by its number, by address for so many. */
  logSeconds: 10,
  logNotices: { perAddress: 100, inAll: 1000 },
  logComplaints: { perAddress: 20, inAll: 200 },
  logAddresses: 20,
  unitAttentionsPerNexus: 16,
  echoBuffersPerUnit: 256,
  /** What a logical unit remembers of COMPARE AND WRITE and of reservations, and of how many blocks it knows the last writer. */
  lockEvents: 1024,
  lockBlocks: 16_384,
  /** Of longer images digests alone are kept. */
  lockImageBytes: 4 * KIB,
  /** Persistent reservations: I_T nexuses that a logical unit may have registered. */
  registrationsPerUnit: 1024,

  /**
   * Silence after which a NOP-In asks whether the initiator is still there, and how long it may take to answer: one of a
   * single thread may sleep for a minute (libiscsi's suite does while it waits for a SANITIZE).
   */
  pingAfterMs: 15_000,
  pingAnswerMs: 60_000,
  /** How long a closing array waits for its initiators' last bytes to leave. */
  closeGraceMs: 2_000,

  /** Data of one Data-In PDU, whatever more the initiator would take. */
  dataInLength: 256 * KIB,
  /** Data of a command that is held at one time; longer transfers go in pieces of this length. */
  pieceLength: 1 * MIB,
  /** Buffers that hold what one initiator has not read: past this its next commands wait. */
  outputPerConnection: 8 * MIB,
  /** Buffers for what one initiator sends, beside those that the command window bounds. */
  inputPerConnection: 16 * MIB,
  /** How long an initiator may keep the target waiting for data that it has announced. */
  dataOutTimeoutMs: 30_000,
  /** Ranges of a command's data that are kept behind gaps: what comes apart from all of them is asked for again. */
  earlyRangesPerTask: 64,
  /** Past this many R2Ts for data that were lost the command fails. */
  recoveryR2TsPerTask: 64,
  /**
   * ErrorRecoveryLevel 1 and 2: Data-In and R2Ts that a session may ask for again; with the statuses, of all sessions. The
   * oldest are given up first, and a SNACK for them is rejected.
   */
  retainedPerSession: 8 * MIB,
  retainedBytes: 64 * MIB,
  /** Statuses that a connection may ask for again: as many as the largest command window has. */
  statusesPerConnection: 4096,
  statusBytesPerConnection: 4 * MIB,
  /** As much even when all sessions together have more to be sent again than may be. */
  leastStatusesPerConnection: { count: 32, bytes: 64 * KIB },
  /** Connections of a session that its tasks wait for after they are lost: past this the tasks of the oldest are given up. */
  lostConnectionsPerSession: 16,
  /** Buffers of all connections that are lost, for what they have brought: past this the oldest sessions wait for them no longer. */
  lostConnectionBytes: 64 * MIB,
  /** DefaultTime2Wait that tasks without a connection wait for at the most: with a longer one nothing is retained. */
  time2WaitSeconds: 60,
  /** DefaultTime2Retain at the most: how long tasks without a connection wait for one (ErrorRecoveryLevel 2). */
  time2RetainSeconds: 60,
  /** Buffers of the whole array. */
  bufferBytes: 256 * MIB,
} as const
