// discover, inquiry, vpd, capacity and opcodes against a running array, and against disks that are not as they should be.

import { createServer } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { encodeVpdPage, SENSE } from '../../protocol/index.ts'
import { FAULTLESS, profileReplies, refuse, scriptedDisk, UNKNOWN_COMMAND } from '../host/scripted-disk.ts'
import { ScriptedTarget } from '../host/scripted-target.ts'
import { memory, openArray, type TestArray } from '../target/array.ts'
import { lunette, requireBuild } from './lunette.ts'
import { runHere } from './terminal.ts'

let plain: TestArray
let url: string
beforeAll(async () => {
  requireBuild()
  const only = ['iqn.2026-11.io.lunette:other']
  plain = await openArray([memory(), memory({ id: 3, blockSize: 4096 }), memory({ id: 4, initiators: only })])
  url = `iscsi://127.0.0.1:${plain.port}/${plain.iqn}/0`
  return () => plain.close()
})

const json = async (...words: string[]) => {
  const { code, stdout, stderr } = await runHere([...words, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stdout)
}
const lunOf = (lun: number) => url.replace(/0$/, String(lun))

describe('the binary', () => {
  test('inquiry: a table on stdout, exit 0', async () => {
    const { code, stdout, stderr } = await lunette(['inquiry', url])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^ {2}FIELD {2,}VALUE {2,}MEANING\n/)
    expect(stdout).toMatch(/^ {2}Product identification {2}VIRTUAL DISK$/m)
  })
  test('what fails is one sentence on stderr, exit 1', async () => {
    const { code, stdout, stderr } = await lunette(['capacity', lunOf(9)])
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `${lunOf(9)}: there is no LUN 9; the target has LUNs 0, 3\n`,
    })
  })
})

describe('inquiry', () => {
  test('--json: the fields as sg_inq names them, and the bytes', async () => {
    const found = await json('inquiry', url)
    expect(found).toMatchObject({ url, fields: { PDT: 0, version: 6, '3PC': 1, CmdQue: 1, TPGS: 3 } })
    expect(found.fields['Unit serial number']).toMatch(/^\w+$/)
    expect(Buffer.from(found.hex, 'hex')).toHaveLength(96)
  })
  test('--hex: bytes, 16 a line, after a line that begins with #', async () => {
    const { stdout } = await runHere(['inquiry', url, '--hex'])
    const [first, ...lines] = stdout.trimEnd().split('\n')
    expect(first).toBe('# standard INQUIRY data')
    expect(lines).toHaveLength(6)
    expect(lines[0]).toMatch(/^00 00 06 12 5b( [\da-f]{2}){11}$/)
  })
  test('colour on a terminal alone, and not where NO_COLOR asks for none', async () => {
    const isTTY = true
    const colored = (text: string) => text.includes('\u001b[')
    expect(colored((await runHere(['inquiry', url])).stdout)).toBe(false)
    expect(colored((await runHere(['inquiry', url], { isTTY })).stdout)).toBe(true)
    expect(colored((await runHere(['inquiry', url], { isTTY, env: { NO_COLOR: '1' } })).stdout)).toBe(false)
  })
  test('what a device calls itself cannot speak to the terminal', async () => {
    const inquiry = { ...FAULTLESS.inquiry, vendor: 'A\u001b[2J\u009b', product: 'B\u0007\nC' }
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, inquiry }))
    const { stdout } = await runHere(['inquiry', disk.url])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    expect(stdout).toContain('A?[2J?')
    expect(stdout).toMatch(/B\?\?C$/m)
  })
})

describe('vpd', () => {
  test('every page, each under its heading', async () => {
    const { pages } = await json('vpd', url)
    expect(pages.map(({ page }: { page: string }) => page)).toEqual(
      '0x00 0x80 0x83 0x85 0x86 0x87 0x88 0x8f 0xb0 0xb1 0xb2'.split(' '),
    )
    const { code, stdout } = await runHere(['vpd', url])
    expect(code).toBe(0)
    expect(stdout.match(/^\S.* VPD page \(..h\) \[\w+\], \d+ bytes$/gm)).toHaveLength(pages.length)
  })
  test.each([['0xb0'], ['b0h'], ['B0H'], ['176'], ['bl']])('--page %s is Block Limits', async (page) => {
    const { pages } = await json('vpd', url, '--page', page)
    expect(pages).toHaveLength(1)
    expect(pages[0]).toMatchObject({
      page: '0xb0',
      acronym: 'bl',
      sections: [{ fields: { 'Maximum compare and write length': 255 } }],
    })
  })
  test('a page that it does not have: which it has', async () => {
    const { code, stderr } = await runHere(['vpd', url, '--page', '0x99'])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^the logical unit has no VPD page 99h \(.*INVALID FIELD IN CDB.*\); it has 00h, 80h, .*b2h\n$/,
    )
  })
  test('a page without a layout, and one that cannot be read, are bytes; more than 53 bits are a string', async () => {
    const limits = Buffer.from(FAULTLESS.pages[0xb0]!)
    limits.writeBigUInt64BE(2n ** 60n, 36)
    const pages = {
      131: encodeVpdPage(0x83, Buffer.from('01030010aa', 'hex')),
      176: limits,
      193: encodeVpdPage(0xc1, Buffer.from('hello')),
    }
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, pages }))
    const { code, stdout } = await runHere(['vpd', disk.url])
    expect(code).toBe(0)
    expect(stdout).toMatch(/Vendor specific VPD page \(c1h\), 9 bytes\n {2}00 c1 00 05 68 65 6c 6c 6f\n/)
    expect(stdout).toMatch(/\(83h\) \[di\], 9 bytes\n {2}cannot be read: .*\n {2}00 83 00 05 01 03 00 10 aa\n/)
    const { pages: read } = await json('vpd', disk.url)
    expect(read[2].sections[0].fields['Maximum write same length']).toBe(String(2n ** 60n))
  })
})

describe('capacity', () => {
  test('READ CAPACITY(16)', async () => {
    const found = await json('capacity', lunOf(3))
    expect(found).toMatchObject({
      command: 'READ CAPACITY(16)',
      fields: { lbpme: 1, 'Last LBA': 2047, 'Logical block length': 4096, 'Device size': 8 * 1024 * 1024 },
    })
  })
  test('READ CAPACITY(10) of a device that is too old for it', async () => {
    const override = (cdb: Buffer) =>
      cdb[0] === 0x9e ? UNKNOWN_COMMAND : cdb[0] === 0x25 ? Buffer.from('000007ff00000200', 'hex') : undefined
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, override }))
    const { command, fields } = await json('capacity', disk.url)
    expect({ command, fields }).toEqual({
      command: 'READ CAPACITY(10)',
      fields: {
        'Last LBA': 2047,
        'Number of logical blocks': 2048,
        'Logical block length': 512,
        'Device size': 2 ** 20,
      },
    })
  })
  test('of a medium that is not there: the sense in words', async () => {
    const override = (cdb: Buffer) => (cdb[0] === 0x9e ? refuse(SENSE.MEDIUM_NOT_PRESENT) : undefined)
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, override }))
    const { code, stderr } = await runHere(['capacity', disk.url])
    expect(code).toBe(1)
    expect(stderr).toMatch(/READ CAPACITY\(16\): CHECK CONDITION: NOT READY: MEDIUM NOT PRESENT \(02\/3A\/00\)\n$/)
  })
  test('of something else than a disk', async () => {
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, inquiry: { peripheralDeviceType: 0x0c } }))
    const { code, stderr } = await runHere(['capacity', disk.url])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${disk.url}: LUN 0 is no disk but a storage array controller; the target has LUN 0\n`,
    })
  })
})

describe('opcodes', () => {
  test('all, ascending, with their names', async () => {
    const { commands } = await json('opcodes', url)
    expect(commands).toContainEqual({ opcode: 0x89, cdbLength: 16, name: 'COMPARE AND WRITE' })
    expect(commands).toContainEqual({ opcode: 0x83, serviceAction: 0, cdbLength: 16, name: 'EXTENDED COPY(LID1)' })
    const codes = commands.map(({ opcode }: { opcode: number }) => opcode)
    expect(codes).toEqual(codes.toSorted((a: number, b: number) => a - b))
    expect(commands.filter(({ name }: { name: string | null }) => name === null)).toEqual([])
    const { stdout } = await runHere(['opcodes', url, '--timeouts'])
    expect(stdout).toMatch(/^OPCODE {2}ACTION {2}CDB BYTES {2}NOMINAL s {2}RECOMMENDED s {2}NAME\n/)
    expect(stdout).toMatch(/^9eh +0010h +16 +READ CAPACITY\(16\)$/m)
  })
  test('--opcode: support and the bits that count', async () => {
    expect(await json('opcodes', url, '--opcode', '0x89')).toMatchObject({
      opcode: 0x89,
      name: 'COMPARE AND WRITE',
      fields: { Support: 3, 'CDB size': 16, 'Usage data': '89 18 ff ff ff ff ff ff ff ff 00 00 00 ff 3f 00' },
    })
    expect(await json('opcodes', url, '--opcode', '9eh,10h')).toMatchObject({ serviceAction: 0x10 })
    expect((await json('opcodes', url, '--opcode', '0xff')).fields).toEqual({ Support: 1, 'CDB size': 0 })
  })
  test('--opcode of a command with service actions, without one', async () => {
    const { code, stderr } = await runHere(['opcodes', url, '--opcode', '0x9e'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^9eh cannot be asked for like this .* has service actions needs one, as 0x9e,0x10/)
  })
  test('of a device that does not report them', async () => {
    const disk = await scriptedDisk(profileReplies({ ...FAULTLESS, opcodes: undefined }))
    const { code, stderr } = await runHere(['opcodes', disk.url])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^the logical unit does not report its operation codes \(.*05\/20\/00\)/)
  })
})

describe('discover', () => {
  test('targets, portals, and URLs to type next', async () => {
    const portal = `127.0.0.1:${plain.port}`
    const { code, stdout } = await runHere(['discover', portal])
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'TARGET PORTAL GROUP',
      `${plain.iqn} ${portal} 1`,
      '',
      'Type next, with the number of a LUN at the end:',
      ` lunette inquiry ${url}`,
      ` lunette vaai status ${url}`,
      '',
    ])
    expect(await json('discover', portal)).toEqual({
      targets: [{ name: plain.iqn, portals: [{ portal, tag: 1 }], url }],
    })
  })
  test('an array that shows none: so it says on stderr, exit 0', async () => {
    const empty = await openArray([memory()], { initiators: ['iqn.2026-11.io.lunette:other'] })
    onTestFinished(() => empty.close())
    const { code, stdout, stderr } = await runHere(['discover', `127.0.0.1:${empty.port}`])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('shows no target to this initiator; --initiator asks for another one')
  })
})

test('--initiator: who asks decides what is seen', async () => {
  expect((await runHere(['inquiry', lunOf(4)])).code).toBe(1)
  expect((await runHere(['inquiry', lunOf(4), '--initiator', 'iqn.2026-11.io.lunette:other'])).code).toBe(0)
})

/** What is negotiated in a discovery session. */
const DISCOVERY_ANSWERS = {
  ...{ HeaderDigest: 'None', DataDigest: 'None', MaxRecvDataSegmentLength: '4096' },
  ...{ DefaultTime2Wait: '2', DefaultTime2Retain: '0', ErrorRecoveryLevel: '0' },
}

describe('what does not answer as it should', () => {
  test('nobody listens', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const sentence = `cannot connect to 127.0.0.1:${port}: connection refused: is an array serving there?\n`
    for (const words of [
      ['discover', `127.0.0.1:${port}`],
      ['inquiry', url.replace(/:\d+\//, `:${port}/`)],
    ])
      expect(await runHere(words)).toEqual({ code: 1, stdout: '', stderr: sentence })
  })

  test('no such target', async () => {
    const { code, stderr } = await runHere(['inquiry', url.replace(plain.iqn, 'iqn.2026-11.io.lunette:gone')])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /target not found \(0203\): there is no target iqn\.2026-11\.io\.lunette:gone for this initiator; lunette discover 127\.0\.0\.1:\d+ lists/,
    )
  })

  test('something else listens', async () => {
    const server = createServer((socket) =>
      socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'.padEnd(96)),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const { code, stderr } = await runHere(['discover', `127.0.0.1:${port}`])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+: what answers there speaks no iSCSI \(.*\): is it the right port\?\n$/)
  })

  test('a target that is silent: at the login, after it, and in discovery', async () => {
    const server = await ScriptedTarget.listen()
    const portal = `127.0.0.1:${server.port}`
    const words = ['inquiry', `iscsi://${portal}/iqn.2026-11.io.lunette:t/0`, '--timeout', '0.2']
    const atLogin = runHere(words)
    await server.accept()
    expect(await atLogin).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not answered the login within 200 ms; try/),
    })
    const afterwards = runHere(words)
    await (await server.accept()).login()
    expect(await afterwards).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/INQUIRY: no answer within 200 ms; try again, or wait longer with --timeout\n$/),
    })
    const discovery = runHere(['discover', portal, '--timeout', '0.2'])
    await (await server.accept()).login(DISCOVERY_ANSWERS)
    expect(await discovery).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SendTargets: no answer within 200 ms'),
    })
  })
})
