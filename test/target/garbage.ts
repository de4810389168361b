// Whether anything still holds an object: the garbage collector is asked.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** How many of the objects are still reachable once those that are not have been collected. */
export async function stillHeld(objects: readonly WeakRef<object>[]): Promise<number> {
  let held = objects.length
  for (let tries = 0; held > 0 && tries < 20; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1)) // what a turn has looked at lives until its end
    collect()
    held = objects.filter((object) => object.deref() !== undefined).length
  }
  return held
}
