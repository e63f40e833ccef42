/** Folders of a ledger's immutable objects, below the work URI. Their names begin with the epoch that wrote them (`LedgerSession.uniqueName`). */
export function ledgerFolders(work: string, ledger: string): readonly string[] {
  return [segmentFolder(work, ledger), partFolder(work, ledger)]
}

/** Where a ledger's harvest segments lie. */
export function segmentFolder(work: string, ledger: string): string {
  return `${work}segments/${ledger}/`
}

/** Where a ledger's committed parts lie. */
export function partFolder(work: string, ledger: string): string {
  return `${work}parts/${ledger}/`
}
