import { assert, integer, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { truncateText } from './truncate-text.ts'

describe('truncateText', () => {
  it('keeps a text that fits and says when it cut one', () => {
    expect(truncateText('short', 5)).toBe('short')
    expect(truncateText('too long', 6)).toBe('too…')
  })

  it('never passes the bytes nor halves a character', () => {
    assert(
      property(string({ unit: 'binary' }), integer({ min: 3, max: 40 }), (text, bytes) => {
        const cut = truncateText(text, bytes)
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes)
        expect(text.startsWith(cut.replace(/…$/, '')) || cut === text).toBe(true)
      }),
    )
  })
})
