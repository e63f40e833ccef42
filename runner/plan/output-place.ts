import type { LlmBatchJobSpec } from '../../crds/generated/llmbatchjob.ts'
import { workUri } from '../../crds/work-uri.ts'
import type { InputProblem } from './input-problem.ts'
import { parseInputPattern, sampleName } from './input-pattern.ts'

/**
 * Refuses an output or work folder whose files the input pattern would match: an output would replace an input, or be one of the next run.
 * `spec`'s URIs are absolute.
 */
export function placeProblems(spec: Pick<LlmBatchJobSpec, 'input' | 'output' | 'work'>): InputProblem[] {
  const { uri } = spec.input
  const pattern = parseInputPattern(uri)
  const places = [['spec.output.uri', spec.output.uri], ['spec.work.uri', workUri(spec)]] as const
  return places.flatMap(([field, folder]): InputProblem[] => {
    const names = field === 'spec.output.uri' ? ['x.parquet', sampleName(uri)] : ['x.parquet']
    if (!names.some((name) => pattern.matches(folder + name))) return []
    return [{ code: 'OutputInsideInput', field, problem: `${folder} lies where spec.input.uri ${uri} matches` }]
  })
}
