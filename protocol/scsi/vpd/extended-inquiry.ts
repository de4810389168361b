// Extended INQUIRY Data (86h, SPC-4 7.8.7): task attributes, the cache, protection, self-test and microcode.

import { bits, flag, reserved, u8, u16 } from '../../wire/fields.ts'
import { layout } from '../../wire/layout.ts'
import { VPD_PAGE, vpdHeader } from './page.ts'

export const EXTENDED_INQUIRY = layout('Extended INQUIRY Data VPD page', 'SPC-4 7.8.7', 64, [
  ...vpdHeader(VPD_PAGE.EXTENDED_INQUIRY, 0x3c),
  bits(2, 'activateMicrocode'),
  bits(3, 'spt'),
  flag('grdChk'),
  flag('appChk'),
  flag('refChk'), // 4
  reserved(2),
  flag('uaskSup'),
  flag('groupSup'),
  flag('priorSup'),
  flag('headSup'),
  flag('ordSup'),
  flag('simpSup'), // 5
  reserved(4),
  flag('wuSup'),
  flag('crdSup'),
  flag('nvSup'),
  flag('vSup'), // 6
  reserved(3),
  flag('piiSup'),
  reserved(3),
  flag('luiClr'), // 7
  reserved(3),
  flag('rSup'),
  reserved(3),
  flag('cbcs'), // 8
  reserved(4),
  bits(4, 'multiITNexusMicrocodeDownload'), // 9
  u16('extendedSelfTestMinutes'), // 10-11
  flag('poaSup'),
  flag('hraSup'),
  flag('vsaSup'),
  reserved(5), // 12
  u8('maximumSenseDataLength'),
  reserved(400),
])
