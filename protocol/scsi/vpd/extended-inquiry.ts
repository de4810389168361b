// Extended INQUIRY Data (86h, SPC-4 7.8.7, SPC-5 7.7.4): task attributes, the cache, protection, self-test and microcode.

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
  reserved(2),
  flag('noPiChk'),
  flag('piiSup'),
  reserved(3),
  flag('luiClr'), // 7
  bits(3, 'luCollectionType'),
  flag('rSup'),
  flag('rtdSup'),
  reserved(1),
  flag('hssRelEf'),
  flag('cbcs'), // 8
  reserved(4),
  bits(4, 'multiITNexusMicrocodeDownload'), // 9
  u16('extendedSelfTestMinutes'), // 10-11
  flag('poaSup'),
  flag('hraSup'),
  flag('vsaSup'),
  flag('dmsValid'),
  reserved(4), // 12
  u8('maximumSenseDataLength'),
  flag('ibs'),
  flag('ias'),
  reserved(3),
  flag('sac'),
  flag('nrd1'),
  flag('nrd0'), // 14
  u16('maximumInquiryChangeLogs'), // 15-16
  u16('maximumModePageChangeLogs'), // 17-18
  flag('dmMd4'),
  flag('dmMd5'),
  flag('dmMd6'),
  flag('dmMd7'),
  flag('dmMdD'),
  flag('dmMdE'),
  flag('dmMdF'),
  reserved(1), // 19
  reserved(352),
])
