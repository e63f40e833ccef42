import { expect, it } from 'vitest'
import { apiRoot } from './api-root.ts'

it('the root of an API is its address without a slash at the end, written in one way', () => {
  expect(apiRoot({ type: 'OpenAI' })).toBe('https://api.openai.com/v1')
  expect(apiRoot({ type: 'OpenAI', baseURL: 'HTTPS://Example.COM:443/v1//' })).toBe('https://example.com/v1')
  expect(apiRoot({ type: 'Simulated', baseURL: 'http://127.0.0.1:4011/v1' })).toBe('http://127.0.0.1:4011/v1')
  expect(() => apiRoot({ type: 'Simulated' })).toThrowError(expect.objectContaining({ code: 'InvalidJob', message: expect.stringContaining('spec.provider.baseURL') }))
})
