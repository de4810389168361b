// Log pages (SPC-4 7.3.2): the header that all share, and the log parameters in it, each with its code and its length. LOG
// SENSE returns one page, LOG SELECT sends a list of them.

import { WireError } from '../../wire/error.ts'
import { bits, flag, ignored, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'

export const LOG_PAGE = {
  SUPPORTED_PAGES: 0x00,
  LOGICAL_BLOCK_PROVISIONING: 0x0c,
  TEMPERATURE: 0x0d,
  START_STOP_CYCLE_COUNTER: 0x0e,
  GENERAL_STATISTICS_AND_PERFORMANCE: 0x19,
  INFORMATIONAL_EXCEPTIONS: 0x2f,
} as const

/** SUBPAGE CODE of page 00h that asks for subpages too */
export const SUPPORTED_SUBPAGES = 0xff

/** PAGE CONTROL (SPC-4 6.8). */
export const LOG_PAGE_CONTROL = { THRESHOLD: 0, CUMULATIVE: 1, DEFAULT_THRESHOLD: 2, DEFAULT_CUMULATIVE: 3 } as const

/** FORMAT AND LINKING (SPC-4 7.3.2.2). */
export const PARAMETER_FORMAT = { BOUNDED_COUNTER: 0, ASCII_LIST: 1, UNBOUNDED_COUNTER: 2, BINARY_LIST: 3 } as const

const HEADER = layout('log page', 'SPC-4 7.3.2.1', 4, [
  flag('ds'),
  flag('spf'),
  bits(6, 'pageCode'), // 0
  u8('subpageCode'),
  u16('pageLength'), // 2-3
])

const PARAMETER = layout('log parameter', 'SPC-4 7.3.2.2', 4, [
  u16('parameterCode'), // 0-1
  flag('du'),
  ignored(1),
  flag('tsd'),
  ignored(1), // ETC
  bits(2, 'tmc'),
  bits(2, 'format'), // 2
  u8('parameterLength'),
])

export interface LogPageCode {
  readonly pageCode: number
  /** Zero for a page without subpages. */
  readonly subpageCode: number
}

export interface LogPage extends LogPageCode {
  /** DS: the page is not saved. */
  readonly ds: boolean
  readonly body: Buffer
}

export interface LogParameter {
  readonly parameterCode: number
  /** DU: the value is not updated by the device server. */
  readonly du: boolean
  readonly tsd: boolean
  readonly tmc: number
  readonly format: number
  readonly value: Buffer
}

export function encodeLogPage({ ds, pageCode, subpageCode, body }: LogPage): Buffer {
  const header = { ds, spf: subpageCode !== 0, pageCode, subpageCode, pageLength: body.length }
  return Buffer.concat([HEADER.encode(header), body])
}

/** Throws a WireError when the page is cut: LOG SENSE says its whole length whatever the allocation length. */
export const decodeLogPage = (source: Buffer): LogPage => pageAt(source, 0)

export const encodeLogParameters = (parameters: readonly LogParameter[]): Buffer =>
  Buffer.concat(
    parameters.flatMap(({ value, ...header }) => [
      PARAMETER.encode({ ...header, parameterLength: value.length }),
      value,
    ]),
  )

/** The parameters of a page's body. Throws a WireError, its offset in the body, when one is cut. */
export const decodeLogParameters = (body: Buffer): LogParameter[] =>
  placedParameters(body).map(({ at: _, ...parameter }) => parameter)

/** The same with the place of each in the body, for field pointers. */
export function placedParameters(body: Buffer): (LogParameter & { readonly at: number })[] {
  const parameters: (LogParameter & { at: number })[] = []
  for (let at = 0; at < body.length; ) {
    if (at + PARAMETER.size > body.length) throw new WireError(PARAMETER.name, 'parameterCode', at, 'truncated')
    const { parameterLength, ...header } = PARAMETER.decode(body, at)
    const start = at + PARAMETER.size
    const end = start + parameterLength
    if (end > body.length)
      throw new WireError(PARAMETER.name, 'parameterLength', at + 3, 'truncated', `${body.length} of ${end} bytes`)
    parameters.push({ ...header, value: body.subarray(start, end), at })
    at = end
  }
  return parameters
}

/** The pages of a LOG SELECT list (SPC-4 6.7), and where each stands. Throws a WireError when one is cut. */
export function decodeLogPages(source: Buffer): (LogPage & { readonly offset: number; readonly bodyOffset: number })[] {
  const pages: (LogPage & { offset: number; bodyOffset: number })[] = []
  for (let offset = 0; offset < source.length; ) {
    const page = pageAt(source, offset)
    pages.push({ ...page, offset, bodyOffset: offset + HEADER.size })
    offset += HEADER.size + page.body.length
  }
  return pages
}

function pageAt(source: Buffer, offset: number): LogPage {
  if (offset + HEADER.size > source.length) throw new WireError(HEADER.name, 'pageCode', offset, 'truncated')
  const { spf, pageLength, subpageCode, ...header } = HEADER.decode(source, offset)
  const start = offset + HEADER.size
  if (start + pageLength > source.length)
    throw new WireError(HEADER.name, 'pageLength', offset + 2, 'truncated', `${source.length - start}`)
  return { ...header, subpageCode: spf ? subpageCode : 0, body: source.subarray(start, start + pageLength) }
}
