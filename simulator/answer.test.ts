import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerTo, countTokens } from './answer.ts'

const SYSTEM = { role: 'system', content: 'Be brief.' }
const ask = (content: string, more: object = {}): object => ({ model: 'm', messages: [SYSTEM, { role: 'user', content }], ...more })

describe('answerTo', () => {
  it('quotes a short message whole, on one line', () => {
    expect(answerTo(ask('Write a  sentence\nwith abbey.')).content).toMatch(/^Simulated answer to "Write a sentence with abbey\." \[#[0-9a-f]{8}\]$/)
  })

  it('quotes the first and the last words of a long one', () => {
    const message = 'Write one simple sentence that uses the word that is named at the very end of this long message, please: monastery'
    const { content } = answerTo(ask(message))
    expect(content).toMatch(/^Simulated answer to "Write one simple sentence that … end of this long message, please: monastery" \[#[0-9a-f]{8}\]$/)
  })

  it('differs when anything in the request differs', () => {
    const answers = [ask('a'), ask('b'), ask('a', { temperature: 0 }), ask('a', { max_completion_tokens: 100 })].map((body) => answerTo(body).content)
    expect(new Set(answers).size).toBe(4)
  })

  it('does not depend on how the body was escaped', () => {
    expect(answerTo(JSON.parse('{"model":"m","messages":[{"role":"user","content":"\\u00fc/"}]}'))).toEqual(
      answerTo(JSON.parse('{"model":"m","messages":[{"role":"user","content":"ü\\/"}]}')),
    )
  })

  it('keeps to the token limit, and says so only when it cut', () => {
    const message = fc.string({ unit: 'grapheme', maxLength: 200 })
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 60 }), (text, limit) => {
        const [whole, cut] = [answerTo(ask(text)), answerTo(ask(text, { max_completion_tokens: limit }))]
        expect(whole).toMatchObject({ finishReason: 'stop', outputTokens: countTokens(whole.content) })
        expect(cut.outputTokens).toBe(Math.min(whole.outputTokens, limit))
        expect(countTokens(cut.content)).toBeLessThanOrEqual(limit)
        expect(cut.finishReason).toBe(whole.outputTokens > limit ? 'length' : 'stop')
        expect(cut.content.isWellFormed()).toBe(true)
      }),
    )
  })

  it('reads the text parts of a message', () => {
    const parts = [{ type: 'image_url', image_url: { url: 'https://x/y.png' } }, { type: 'text', text: 'What is this?' }]
    expect(answerTo({ model: 'm', messages: [{ role: 'user', content: parts }] }).content).toContain('"What is this?"')
  })

  const numeric = { model: 'm', messages: [{ role: 'user', content: 1 }] }
  it.each([[null], [{}], [{ model: 'm' }], [{ model: 'm', messages: [] }], [numeric], [ask('x', { max_tokens: 0 })]])('refuses %j', (body) => {
    expect(() => answerTo(body)).toThrow()
  })
})
