import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import type { RegisteredDatabase } from '../../src/contract/database';
import type { Inventory } from '../../src/contract/inventory';
import type { Snapshot } from '../../src/domain/snapshot';
import { type ApiError, call } from './api';

/** A registered database as `GET /api/databases` shows it. */
export interface DatabaseSummary extends RegisteredDatabase {
  /** Left out for who may not read. */
  readonly status?: DatabaseStatus | null;
}

export interface DatabaseStatus {
  readonly reachable: boolean;
  readonly problem: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
  } | null;
  readonly sizeBytes: number | null;
  readonly serverVersion: number | null;
  readonly snapshots: number;
  readonly newest: { readonly tag: string; readonly createdAt: string } | null;
  readonly lastProven: { readonly tag: string; readonly at: string } | null;
  readonly basedOn: Inventory['basedOn'];
  readonly undo: Inventory['undo'];
}

/** A snapshot in a list: without the rows of each table. */
export type ListedSnapshot = Omit<Snapshot, 'fingerprint'> & {
  readonly database: string;
  readonly fingerprint: Pick<
    NonNullable<Snapshot['fingerprint']>,
    'schemaChecksum' | 'tables' | 'rows'
  > | null;
};

export type Looked = Omit<Inventory, 'snapshots' | 'ledger'>;

/** The registered databases that the caller may see. */
export function useDatabases(): UseQueryResult<readonly DatabaseSummary[], ApiError> {
  return useQuery<readonly DatabaseSummary[], ApiError>({
    queryKey: ['databases'],
    queryFn: async ({ signal }) => {
      const answer = await call<{ databases: DatabaseSummary[] }>('GET', '/api/databases', {
        signal,
      });
      return answer.databases;
    },
    refetchInterval: 15_000,
  });
}

/** One registered database; undefined while it is not known, null where there is none that the caller may see. */
export function useDatabase(name: string): DatabaseSummary | null | undefined {
  const { data } = useDatabases();
  return data && (data.find((database) => database.name === name) ?? null);
}

/** A snapshot whole, with the rows of each table. */
export function useSnapshot(
  database: string,
  reference: string,
): UseQueryResult<Snapshot, ApiError> {
  return useQuery<Snapshot, ApiError>({
    queryKey: ['snapshot', database, reference],
    queryFn: ({ signal }) =>
      call(
        'GET',
        `/api/snapshots/${encodeURIComponent(database)}/${encodeURIComponent(reference)}`,
        { signal },
      ),
  });
}

/** What the last look at a database found: branches, versions, what it is based on. */
export function useInventory(database: string): UseQueryResult<Looked, ApiError> {
  return useQuery<Looked, ApiError>({
    queryKey: ['inventory', database],
    queryFn: ({ signal }) =>
      call('GET', `/api/databases/${encodeURIComponent(database)}/inventory`, { signal }),
  });
}
