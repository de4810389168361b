// The CHAP secrets of the tests, and the search for them in whatever an array or the command line has printed: in every log of
// an array that has any (chap-array.ts), in all that a process of lunette prints (cli/lunette.ts).

import { tells } from '../conformance/secrets.ts'

export const SECRETS: Readonly<
  Record<'alice' | 'array' | 'bob' | 'carol' | 'finder' | 'first' | 'second' | 'mutual', string>
> = {
  alice: 'alice has 16 byt',
  array: 'twelve bytes',
  bob: 'a secret of bob that is a good deal longer than sixteen bytes',
  carol: 'the one of carol',
  finder: 'only to discover',
  first: 'the first secret',
  second: 'the second secret',
  mutual: 'what the array says',
}

/** @throws where the text tells one of them, in any form in which bytes are printed */
export function requireUntold(text: string): void {
  for (const secret of Object.values(SECRETS))
    if (tells(text, secret)) throw new Error(`printed: the secret "${secret}"`)
}
