import { LlmbatchError, type ErrorCode } from '../../crds/errors.ts'

/** What keeps a job from being planned. `field` and `problem` make a sentence: "spec.request.prompt names {{titel}}, but …". */
export interface InputProblem {
  readonly code: ErrorCode
  /** Field of the spec that it is about. */
  readonly field: string
  readonly problem: string
}

/** Problems of the inputs of a job. */
export interface InputProblems {
  /** In the order of the files. */
  readonly problems: readonly InputProblem[]
  /** Files with problems beside those that `problems` are about. */
  readonly moreFiles: number
}

/** The first problem, as the error of a job; it says how many more there are. */
export function asError({ problems: [first, ...others], moreFiles }: InputProblems): LlmbatchError | null {
  if (first === undefined) return null
  const more = [...(others.length === 0 ? [] : [`${others.length} more problem${others.length === 1 ? '' : 's'}`]), ...(moreFiles === 0 ? [] : [`problems of ${moreFiles} more file${moreFiles === 1 ? '' : 's'}`])]
  return new LlmbatchError(first.code, `${first.field} ${first.problem}${more.length === 0 ? '' : ` (and ${more.join(' and ')}: \`llmbatch validate --with-data\` lists them)`}`)
}
