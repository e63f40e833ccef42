import { describe, expect, it } from 'vitest'
import { heapLimitMib } from './heap-limit.ts'

describe('heapLimitMib', () => {
  it.each([
    [128, 52],
    [256, 135],
    [1024, 634],
    [16, 32],
  ])('leaves room beside the heap: %d MiB give %d MiB of old space', (memory, heap) => {
    expect(heapLimitMib(memory * 2 ** 20)).toBe(heap)
  })
})
