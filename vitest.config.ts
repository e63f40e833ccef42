import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{crds,operator,runner,simulator,cli}/**/*.test.ts', 'test/{lint,suites}/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'build/test/unit.xml' }]],
    testTimeout: 30_000,
  },
})
