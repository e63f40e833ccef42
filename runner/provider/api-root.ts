import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import { LlmbatchError } from '../../crds/errors.ts'

/** Root of the provider's API without a trailing slash, with host and default port normalised. */
export function apiRoot(provider: LlmBatchJobSpec['provider']): string {
  if (provider.baseURL === undefined) {
    if (provider.type === 'OpenAI') return 'https://api.openai.com/v1'
    throw new LlmbatchError('InvalidJob', 'spec.provider.baseURL: the address of the simulator is needed; `llmbatch run` sets it by itself')
  }
  return new URL(provider.baseURL).href.replace(/\/+$/, '')
}
