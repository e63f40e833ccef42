import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRequestLine } from './openai-request.ts'

/** Any string of UTF-16, lone surrogates, controls and line separators among them. */
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)), fc.constantFrom('"', '\\', '\n\r\u2028', '\u{1f600}', '\ud800', '}]}}\n'))

describe('a request line', () => {
  it('is one line of UTF-8 that parses to the request, whatever stands in the prompt', () => {
    fc.assert(
      fc.property(anyText, fc.option(anyText, { nil: undefined }), anyText, (prompt, system, model) => {
        const parameters = { max_completion_tokens: 9, response_format: { type: 'json_schema', x: [model] } }
        const line = Buffer.from(compileRequestLine({ model, prompt: '{{a}}', parameters, ...(system === undefined ? {} : { system }) })('abc-1-1', prompt))
        const text = line.toString('utf8')
        expect(Buffer.from(text, 'utf8').equals(line), 'valid UTF-8').toBe(true)
        expect(text.indexOf('\n')).toBe(text.length - 1)
        expect(JSON.parse(text)).toEqual({
          custom_id: 'abc-1-1',
          method: 'POST',
          url: '/v1/chat/completions',
          body: { model, ...parameters, messages: [...(system === undefined ? [] : [{ role: 'system', content: system }]), { role: 'user', content: prompt }] },
        })
      }),
    )
  })

  it('is the documented one, byte for byte', () => {
    const line = compileRequestLine({ model: 'gpt-5-mini', prompt: '{{a}}', system: 'Be brief.', parameters: { max_completion_tokens: 5 } })('abc-1-1', 'Hé?')
    expect(Buffer.from(line).toString()).toBe(
      '{"custom_id":"abc-1-1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5-mini","max_completion_tokens":5,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hé?"}]}}\n',
    )
  })
})
