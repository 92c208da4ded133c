import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real brokers and clients on a busy machine; what hangs is still told within a minute.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
