import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseModelFile } from '../../domain/model-file.js';
import type { SchemaChange, SchemaModel } from '../../domain/schema-model.js';
import { buildVersionGraph, findNode } from '../../domain/version-graph.js';
import { BelayError } from '../../errors.js';
import { redactUrl } from '../../postgres/redact-url.js';
import { resolveConnection } from '../../postgres/resolve-connection.js';
import { buildSchema } from '../../postgres/schema/build-schema.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { Session } from '../../postgres/session.js';
import { findOrigin } from '../archive/obtain-clone.js';
import { readVersionModel } from '../branch/version-model.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Work } from '../target/work.js';
import { buildFromFile } from './schema-file.js';
import type { Scratch } from './scratch.js';
import { withHistory } from './with-history.js';

/** One of two schemas that are compared. */
export interface SchemaSide {
  readonly kind: 'live' | 'snapshot' | 'version' | 'database' | 'file' | 'model';
  /** For people; never with a password. */
  readonly label: string;
}

/** A side whose schema can be read, and which can be had as a database. */
export interface OpenableSide extends SchemaSide {
  readModel(scratch: () => Promise<Scratch>): Promise<SchemaModel>;
  /**
   * Gives a session in a database with this schema: the real one, which must only be read, or one in the scratch, and
   * what of the schema could not be built there.
   */
  inDatabase<T>(scratch: Scratch, work: InDatabase<T>): Promise<T>;
}

type InDatabase<T> = (session: Session, notBuilt: readonly SchemaChange[]) => Promise<T>;

/** Where references are looked up. */
export interface SideContext {
  /** Null where there is no target: then only files and URLs can be named. */
  readonly work: Work | null;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
}

const urlPattern = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Finds what a reference means: "live", a database URL, a `.sql` file, a version, or a snapshot. Where a version and a
 * snapshot have the same name it is the version; `version:` and `snapshot:` before it say which.
 * @throws BelayError NO_TARGET, FILE_ERROR, VERSION_NOT_FOUND, SNAPSHOT_NOT_FOUND, NEEDS_CLONE
 */
export async function findSide(context: SideContext, reference: string): Promise<OpenableSide> {
  if (urlPattern.test(reference)) return databaseSide(context, reference);
  if (reference.endsWith('.sql')) return fileSide(context, reference);
  if (reference.endsWith('.json')) return modelFileSide(context, reference);
  const { work } = context;
  if (!work) throw noTarget(reference);
  if (reference === 'live') return liveSide(work);
  const [, prefix, name = reference] = /^(version|snapshot):(.+)$/s.exec(reference) ?? [];
  if (prefix === 'snapshot') return snapshotSide(work, name);
  const version = await versionSide(work, name);
  if (version) return version;
  if (prefix === 'version') throw noSuchVersion(name);
  return snapshotSide(work, name).catch((error) => {
    const isUnknown = error instanceof BelayError && error.code === 'SNAPSHOT_NOT_FOUND';
    throw isUnknown ? noSuchSide(name, error) : error;
  });
}

function noTarget(reference: string): BelayError {
  return new BelayError('NO_TARGET', `"${reference}" needs a database, and none was found`, {
    hint: 'Give --url postgres://…, or compare two .sql files or URLs.',
  });
}

function noSuchVersion(name: string): BelayError {
  return new BelayError('VERSION_NOT_FOUND', `no recorded version is "${name}"`, {
    hint: 'See `belay schema list`.',
  });
}

function noSuchSide(name: string, cause: BelayError): BelayError {
  return new BelayError('VERSION_NOT_FOUND', `"${name}" is no recorded version and no snapshot`, {
    hint: 'See `belay schema list` and `belay list`. Files end in .sql, and "live" is the database as it is now.',
    cause,
  });
}

/** A side whose schema is that of a database which is there. */
function realSide(
  side: SchemaSide,
  open: <T>(work: (session: Session) => Promise<T>) => Promise<T>,
): OpenableSide {
  return {
    ...side,
    readModel: () => open(readVersionModel),
    inDatabase: (_scratch, work) => open((session) => work(session, [])),
  };
}

function liveSide({ target }: Work): OpenableSide {
  return realSide({ kind: 'live', label: `${target.database} (live)` }, (work) =>
    closingSessions(
      () => target.openDatabase(target.database),
      async (open) => work(await open()),
    ),
  );
}

async function databaseSide({ env, cwd }: SideContext, url: string): Promise<OpenableSide> {
  const settings = await resolveConnection({ url, env, cwd });
  return realSide({ kind: 'database', label: redactUrl(url) }, (work) =>
    closingSessions(
      () => Session.open(settings, { applicationName: 'belay schema' }),
      async (open) => work(await open()),
    ),
  );
}

async function fileSide(
  { work: targetWork, cwd, signal }: SideContext,
  reference: string,
): Promise<OpenableSide> {
  const file = path.resolve(cwd, reference);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    throw new BelayError('FILE_ERROR', `there is no file ${file}`, {
      hint: 'Name a file of SQL that makes a schema, e.g. from pg_dump --schema-only.',
    });
  }
  // On a private server nobody has a name yet: what the file makes is to belong to whom it would on the target.
  const role = targetWork?.target.settings.user;
  const inDatabase = <T>(scratch: Scratch, work: InDatabase<T>) =>
    scratch.withDatabase(async (session) => {
      const owner = scratch.isPrivate ? role : undefined;
      await buildFromFile(session, file, {
        label: reference,
        owner,
        isPrivate: scratch.isPrivate,
        signal,
      });
      return work(session, []);
    });
  return {
    ...{ kind: 'file', label: reference, inDatabase },
    readModel: async (scratch) =>
      inDatabase(await scratch(), (session) => readSchemaModel(session)),
  };
}

/** A model as `belay schema snapshot --output` writes it. */
async function modelFileSide({ cwd }: SideContext, reference: string): Promise<OpenableSide> {
  const file = path.resolve(cwd, reference);
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code ?? 'unknown reason'})`);
  });
  return modelSide({ kind: 'model', label: reference }, parseModelFile(text, reference));
}

async function snapshotSide(work: Work, reference: string): Promise<OpenableSide> {
  const { clone, archive } = await findOrigin(work, reference);
  if (!clone) {
    const { tag } = archive.manifest.snapshot;
    throw new BelayError(
      'NEEDS_CLONE',
      `"${tag}" has only an archive, whose schema cannot be read`,
      {
        hint: `\`belay restore ${tag} --to NAME\` makes a database of it, whose URL can be compared.`,
      },
    );
  }
  const { tag } = clone.record.snapshot;
  return realSide({ kind: 'snapshot', label: `snapshot ${tag}` }, (read) =>
    readingClone(work, clone.database.name, async (open) => read(await open())),
  );
}

/** A side that is recorded as a model alone. */
export function modelSide(side: SchemaSide, model: SchemaModel): OpenableSide {
  return {
    ...side,
    readModel: async () => model,
    inDatabase: (scratch, work) =>
      scratch.withDatabase(async (session) => {
        const { differences } = await buildSchema(session, model);
        return work(session, differences);
      }),
  };
}

async function versionSide(work: Work, reference: string): Promise<OpenableSide | undefined> {
  return withHistory(work.target, async ({ history }) => {
    const entries = await history.read();
    if (entries.length === 0) return undefined;
    const graph = buildVersionGraph(entries);
    const node = reference === '0' ? graph.base : findVersion(graph, reference);
    if (!node) return undefined;
    if (node.checksum === null) {
      throw new BelayError(
        'MODEL_NOT_KEPT',
        `the schema of version ${node.version} was never recorded`,
        {
          hint: 'Other versions are: see `belay schema list`.',
        },
      );
    }
    const model = await history.readModel(node.checksum);
    return modelSide({ kind: 'version', label: `version ${node.version}` }, model);
  });
}

function findVersion(graph: ReturnType<typeof buildVersionGraph>, reference: string) {
  try {
    return findNode(graph, reference);
  } catch (error) {
    if (error instanceof BelayError && error.code === 'VERSION_NOT_FOUND') return undefined;
    throw error;
  }
}
