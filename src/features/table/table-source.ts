import type { Readable } from 'node:stream';
import type { QualifiedName } from '../../domain/qualified-name.js';
import type { Snapshot } from '../../domain/snapshot.js';

export { withScratchFolder as withPrivateFolder } from '../../process/scratch-folder.js';

/** The rows of one table in COPY's text format. */
export interface TableData {
  readonly columns: readonly string[];
  /** Fails instead of ending where they are not whole. */
  readonly rows: Readable;
  /** PostgreSQL's name of their encoding. */
  readonly encoding: string;
}

/** Where tables come from: a clone or an archive of a snapshot. */
export interface TableSource {
  readonly snapshot: Snapshot;
  /** server_version_num of the server that made it. */
  readonly serverVersion: number;
  /** The tables that hold the rows of one that is asked for; left out where each stands for itself. */
  readonly partsOf?: ((table: QualifiedName) => readonly QualifiedName[]) | undefined;
  /** Gives a file in pg_dump's custom format, of which only the schema need be there. */
  withSchemaFile<T>(use: (path: string) => Promise<T>): Promise<T>;
  /** Gives the rows of a table. @throws BelayError TABLE_NOT_FOUND where they are not there */
  withTableData<T>(table: QualifiedName, use: (data: TableData) => Promise<T>): Promise<T>;
}
