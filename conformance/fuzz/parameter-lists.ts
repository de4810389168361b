// The data that go out with a command: parameter lists that a host could send, by the name of the command's layout. What
// is wrong with them the caller adds.

import * as SCSI from '../../protocol/scsi/index.ts'
import type { Random } from './random.ts'
import type { FuzzedUnit, World } from './world.ts'

export interface ListRequest {
  readonly random: Random
  readonly world: World
  readonly unit: FuzzedUnit
  /** NUMBER OF LOGICAL BLOCKS of the CDB, zero where it has none. */
  readonly blocks: number
}

type MakeList = (request: ListRequest) => Buffer

/** Few keys, so that they are often those of somebody. */
const KEYS = [0n, 1n, 2n, 3n, 0xffff_ffff_ffff_ffffn]
/** Few list identifiers, so that they are often in use. */
export const LIST_IDS = [0, 1, 2, 3]
const MANY_BLOCKS = [1, 8, 64, 600, 2048]

export const someLba = ({ random, unit }: Pick<ListRequest, 'random' | 'unit'>): bigint =>
  random.chance(0.95) ? BigInt(random.below(unit.blocks)) : random.pick([2n ** 32n, 2n ** 63n, 2n ** 64n - 1n])

const blocksOfData =
  (times: number): MakeList =>
  ({ random, unit, blocks }) =>
    Buffer.alloc(times * Math.min(blocks, 4096) * unit.blockSize, random.below(4))

const oneBlock: MakeList = ({ random, unit }) => Buffer.alloc(unit.blockSize, random.below(2))

const reserveOut: MakeList = ({ random, world }) =>
  SCSI.encodePersistentReserveOut({
    reservationKey: random.pick(KEYS),
    serviceActionReservationKey: random.pick(KEYS),
    specIPt: random.chance(0.2),
    allTgPt: random.chance(0.1),
    aptpl: random.chance(0.2),
    transportIds: random.some(3, () => transportId(random, world)),
  })

const transportId = (random: Random, { initiatorNames }: World): SCSI.TransportId => ({
  initiatorName: random.pick(initiatorNames),
  ...(random.chance(0.7) && { isid: `80000000000${random.below(4)}` }),
})

const registerAndMove: MakeList = ({ random, world }) =>
  SCSI.encodeRegisterAndMove({
    reservationKey: random.pick(KEYS),
    serviceActionReservationKey: random.pick(KEYS),
    unreg: random.chance(0.5),
    aptpl: random.chance(0.2),
    relativeTargetPort: 1 + random.below(3),
    transportId: transportId(random, world),
  })

const cscd = ({ random, world }: ListRequest): SCSI.CscdDescriptor => {
  const unit = random.pick(world.units)
  return {
    descriptorType: SCSI.CSCD_IDENTIFICATION,
    luIdType: 0,
    nul: false,
    peripheralDeviceType: 0,
    relativeInitiatorPortId: 0,
    pad: random.chance(0.1),
    blockLength: random.chance(0.95) ? unit.blockSize : 520,
    designator: SCSI.naa(random.chance(0.9) ? unit.naa : world.foreignNaa),
  } as SCSI.CscdDescriptor
}

function segment(request: ListRequest): SCSI.CopySegment {
  const { random } = request
  const ends = { source: random.below(3), destination: random.below(3), cat: random.chance(0.1) }
  const lbas = { sourceLba: someLba(request), destinationLba: someLba(request) }
  const keys = { reservationKey: random.pick(KEYS), serviceActionReservationKey: random.pick(KEYS) }
  return random.weighted<SCSI.CopySegment>([
    [
      6,
      {
        type: SCSI.SEGMENT_TYPE.BLOCK_TO_BLOCK,
        ...ends,
        ...lbas,
        dc: random.chance(0.2),
        blocks: random.pick(MANY_BLOCKS),
      },
    ],
    [
      2,
      {
        type: SCSI.SEGMENT_TYPE.BLOCK_TO_BLOCK_OFFSET,
        ...ends,
        ...lbas,
        bytes: random.below(100_000),
        sourceOffset: random.below(4096),
        destinationOffset: random.below(4096),
      },
    ],
    [1, { type: SCSI.SEGMENT_TYPE.VERIFY_CSCD, source: ends.source, tur: random.chance(0.8) }],
    [
      1,
      {
        type: SCSI.SEGMENT_TYPE.REGISTER_PERSISTENT_RESERVATION_KEY,
        destination: ends.destination,
        ...keys,
      },
    ],
  ])
}

const copyContent = (request: ListRequest) => ({
  listId: request.random.pick(LIST_IDS),
  str: false,
  listIdUsage: request.random.pick([0, 0, 2, 3]),
  priority: request.random.below(8),
  cscds: request.random.some(3, () => cscd(request)),
  segments: request.random.some(4, () => segment(request)),
  inlineData: request.random.chance(0.05) ? request.random.bytes(16) : Buffer.alloc(0),
})

const ranges = (request: ListRequest) =>
  request.random.some(4, () => ({ lba: someLba(request), blocks: request.random.pick(MANY_BLOCKS) }))

const populateToken: MakeList = (request) =>
  SCSI.encodePopulateTokenList({
    rtv: false,
    immed: request.random.chance(0.5),
    inactivityTimeout: request.random.pick([0, 0, 1, 60, 1_000_000]),
    rodType: 0,
    ranges: ranges(request),
  })

const writeUsingToken: MakeList = (request) => {
  const { random, world } = request
  const known = random.chance(0.7) && world.tokens.length > 0
  return SCSI.encodeWriteUsingTokenList({
    delTkn: random.chance(0.1),
    immed: random.chance(0.5),
    offsetIntoRod: BigInt(random.pick([0, 0, 0, 8, 5000])),
    token: known ? random.pick(world.tokens) : SCSI.blockDeviceZeroToken(),
    ranges: ranges(request),
  })
}

/** Write protection and D_SENSE change what everybody sees: now and then. */
const modePages = ({ random }: ListRequest): Buffer[] => {
  const changed = {
    dSense: random.chance(0.3),
    swp: random.chance(0.1),
    uaIntlckCtrl: random.pick([0, 0, 2, 3]),
    tas: random.chance(0.3),
  }
  const pages = [
    SCSI.CONTROL.encode({ queueAlgorithmModifier: 1, ...changed }),
    SCSI.CACHING.encode({ wce: random.chance(0.7), rcd: random.chance(0.1) }),
  ]
  return pages.filter(() => random.chance(0.6))
}

const modeSelect =
  (cdb: 6 | 10): MakeList =>
  (request) =>
    SCSI.encodeModeSelectList(cdb, { mediumType: 0, wp: false, dpoFua: false }, modePages(request))

const overwrite: MakeList = ({ random }) =>
  SCSI.encodeOverwriteList({
    overwriteCount: random.pick([1, 1, 2, 31]),
    pattern: random.bytes(random.pick([1, 4, 512])),
  })

const format: MakeList = ({ random }) =>
  SCSI.encodeFormatList(
    { immed: random.chance(0.7), ip: false, fov: random.chance(0.3) },
    random.chance(0.3) ? { initialization: { type: 1, pattern: random.bytes(4) } } : {},
  )

/** Active most of the time: a target whose every port is unavailable has nothing left to break. */
const setPortGroups: MakeList = ({ random, world }) =>
  SCSI.encodeSetTargetPortGroups(
    world.portGroups.map((group) => ({ group, state: random.pick([0, 0, 0, 0, 1, 2, 3, 15]) })),
  )

/** What `repairs` sends. */
export const REPAIRING_LISTS = {
  keyOne: SCSI.encodePersistentReserveOut({ reservationKey: 1n, serviceActionReservationKey: 1n }),
  modes: SCSI.encodeModeSelectList(10, { mediumType: 0, wp: false, dpoFua: false }, [
    SCSI.CONTROL.encode({ queueAlgorithmModifier: 1 }),
  ]),
  activePortGroups: ({ portGroups }: World): Buffer =>
    SCSI.encodeSetTargetPortGroups(portGroups.map((group) => ({ group, state: SCSI.ACCESS_STATE.ACTIVE_OPTIMIZED }))),
} as const

export const PARAMETER_LISTS: Readonly<Record<string, MakeList>> = {
  'WRITE(6)': blocksOfData(1),
  'WRITE(10)': blocksOfData(1),
  'WRITE(12)': blocksOfData(1),
  'WRITE(16)': blocksOfData(1),
  'WRITE AND VERIFY(10)': blocksOfData(1),
  'WRITE AND VERIFY(12)': blocksOfData(1),
  'WRITE AND VERIFY(16)': blocksOfData(1),
  'WRITE ATOMIC(16)': blocksOfData(1),
  'ORWRITE(16)': blocksOfData(1),
  'VERIFY(10)': blocksOfData(1),
  'VERIFY(12)': blocksOfData(1),
  'VERIFY(16)': blocksOfData(1),
  'COMPARE AND WRITE': blocksOfData(2),
  'WRITE SAME(10)': oneBlock,
  'WRITE SAME(16)': oneBlock,
  UNMAP: (request) => SCSI.encodeUnmapList(ranges(request)),
  'PERSISTENT RESERVE OUT, REGISTER': reserveOut,
  'PERSISTENT RESERVE OUT, RESERVE': reserveOut,
  'PERSISTENT RESERVE OUT, RELEASE': reserveOut,
  'PERSISTENT RESERVE OUT, CLEAR': reserveOut,
  'PERSISTENT RESERVE OUT, PREEMPT': reserveOut,
  'PERSISTENT RESERVE OUT, PREEMPT AND ABORT': reserveOut,
  'PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY': reserveOut,
  'PERSISTENT RESERVE OUT, REGISTER AND MOVE': registerAndMove,
  'EXTENDED COPY(LID1)': (request) => SCSI.encodeCopyList(copyContent(request)),
  'EXTENDED COPY(LID4)': (request) =>
    SCSI.encodeCopyListLid4({
      ...copyContent(request),
      gSense: request.random.chance(0.2),
      immed: request.random.chance(0.5),
    }),
  'POPULATE TOKEN': populateToken,
  'WRITE USING TOKEN': writeUsingToken,
  'MODE SELECT(6)': modeSelect(6),
  'MODE SELECT(10)': modeSelect(10),
  'LOG SELECT': () => Buffer.alloc(0),
  'SANITIZE OVERWRITE': overwrite,
  'FORMAT UNIT': format,
  'SET TARGET PORT GROUPS': setPortGroups,
  'SET IDENTIFYING INFORMATION': ({ random }) => random.bytes(random.below(70)),
  'SET TIMESTAMP': ({ random }) => SCSI.encodeTimestampList(random.below(2 ** 31)),
  'WRITE BUFFER': ({ random }) => random.bytes(random.pick([0, 4, 256, 4096])),
  'SEND DIAGNOSTIC': ({ random }) => random.bytes(random.pick([0, 0, 4, 8])),
}
