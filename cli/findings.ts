import type { ErrorCode } from '../crds/errors.ts'
import type { LlmBatchJobSpec } from '../crds/generated/llmbatchjob.ts'

/** A place in a manifest: field names and list positions from the root. */
export type FieldPath = readonly (string | number)[]

/** One thing that is wrong with a manifest. */
export interface Finding {
  /** Default is InvalidJob. */
  readonly code?: ErrorCode
  /** Where, empty for the document as a whole. */
  readonly path: FieldPath
  /** What is wrong, to follow the field's name: "is missing". */
  readonly problem: string
  /** What to write instead. */
  readonly instead?: string
  /** Line of the file, from 1, where it is known beforehand (parse errors); others are looked up by path. */
  readonly line?: number
}

/** A finding as it is shown: with the field in Kubernetes' notation and its line. */
export interface LocatedFinding {
  /** An entry of docs/errors.md. */
  readonly code: ErrorCode
  /** E.g. `spec.request.prompt`; empty for the document as a whole. */
  readonly field: string
  readonly problem: string
  readonly instead?: string
  /** Line of the field, or of the nearest field around it that the file has. */
  readonly line?: number
}

/** A manifest that passed: what the API server would store, defaults filled in. */
export interface JobManifest {
  readonly name: string
  /** Absent when the manifest names none. */
  readonly namespace?: string
  readonly spec: LlmBatchJobSpec
}

/** Kubernetes' notation: `spec.request.prompt`, `spec.provider.prices["gpt-5-mini"]`, `spec.list[2]`. */
export function fieldText(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** Whether `path` is `root` or lies in it. */
export function isWithin(path: FieldPath, root: FieldPath): boolean {
  return root.every((step, i) => path[i] === step)
}

/** A value as it is shown in a finding: JSON, cut to 80 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

/** Without what in the address of a presigned request opens the store. */
export function withoutSignature(text: string): string {
  return text.replaceAll(/([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=)[^&"\s]+/gi, '$1…')
}

/** The findings as text, two lines each at most, the field first. */
export function formatFindings(findings: readonly LocatedFinding[]): string[] {
  return findings.flatMap((finding) => {
    const where = finding.line === undefined ? '' : `line ${finding.line}: `
    const what = finding.field === '' ? finding.problem : `${finding.field} ${finding.problem}`
    return [`${where}${what}`, ...(finding.instead === undefined ? [] : [`  ${finding.instead}`])]
  })
}
