import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'

/**
 * Compiles a request to the text around its two variable fields, so that a row costs one JSON escape of its prompt.
 * Lines are those of OpenAI's batch input file: custom_id, method, url, body.
 */
export function compileRequestLine(request: LlmBatchJobSpec['request']): (customId: string, prompt: string) => Uint8Array {
  const body = { model: request.model, ...request.parameters }
  const messages = request.system === undefined ? '' : `${JSON.stringify({ role: 'system', content: request.system })},`
  const afterId = `","method":"POST","url":"/v1/chat/completions","body":${JSON.stringify(body).slice(0, -1)},"messages":[${messages}{"role":"user","content":`
  // Custom ids are of [a-z0-9-], so they need no escape.
  return (customId, prompt) => Buffer.from(`{"custom_id":"${customId}${afterId}${JSON.stringify(prompt)}}]}}\n`, 'utf8')
}
