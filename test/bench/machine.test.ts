import { expect, test } from 'vitest'
import { describeMachine, findVersion, thisMachine, versionOf } from '../../bench/machine.ts'

test('versions as the tools print them', () => {
  expect(findVersion('1.0.85\n')).toBe('1.0.85')
  expect(findVersion('qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003')).toBe('7.2.22')
  expect(findVersion('Package: libiscsi-bin\nInstalled-Size: 280\nVersion: 1.19.0-3\n')).toBe('1.19.0')
  expect(findVersion('no number')).toBe('unknown')
})

test('the version of a program that is there, and of one that is not', async () => {
  expect(await versionOf(process.execPath, '--version')).toBe(process.versions.node)
  expect(await versionOf('lunette-no-such-tool')).toBe('unknown')
})

test('the machine in one line', () => {
  const machine = { cores: 2, processor: 'EPYC', memoryGiB: 24, kernel: '6.1.0', node: 'v20.19.0', load: 1.26 }
  expect(describeMachine(machine)).toBe('2 cores (EPYC), 24 GiB, Linux 6.1.0, Node v20.19.0, load 1.3')
  expect(thisMachine()).toMatchObject({ node: process.version, cores: expect.any(Number) })
})
