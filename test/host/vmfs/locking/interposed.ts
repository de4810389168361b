// A device of which a test changes a method: something happens before a command leaves, or its answer becomes another one.

import type { SharedDevice } from '../../../../src/host/index.ts'

export function interposed(device: SharedDevice, methods: Partial<SharedDevice>): SharedDevice {
  return new Proxy(device, {
    get(target, key) {
      if (key in methods) return methods[key as keyof SharedDevice]
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
