import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Most tests wait for disks and sockets: vitest's own choice, one less than there are, leaves half of a small machine idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
})
