import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/sim/**/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'build/test/sim.xml' }]],
    testTimeout: 60_000,
  },
})
