import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/kill/**/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'build/test/kill.xml' }]],
    testTimeout: 60_000,
  },
})
