import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/s3/**/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'build/test/s3.xml' }]],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each file has a server of its own, and the job's tests start processes: more at once only wait for each other.
    maxWorkers: 2,
  },
})
