import { array, assert, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextTail } from './text-tail.ts'

describe('TextTail', () => {
  it('keeps the end, however the text came', () => {
    assert(
      property(array(string({ unit: 'grapheme' })), (parts) => {
        const tail = new TextTail(16)
        for (const part of parts) tail.push(Buffer.from(part))
        const whole = parts.join('')
        expect(Buffer.byteLength(tail.toString())).toBeLessThanOrEqual(16)
        expect(whole.trim().endsWith(tail.toString()) || whole.includes(tail.toString())).toBe(true)
        if (Buffer.byteLength(whole) <= 16) expect(tail.toString()).toBe(whole.trim())
      }),
    )
  })

  it('does not begin with half a character', () => {
    const tail = new TextTail(4)
    tail.push(Buffer.from('aé€'))
    expect(tail.toString()).toBe('€')
  })
})
