import type { QualifiedName } from '../../domain/qualified-name.js';
import type { LostForeignKey } from '../../domain/table-loss.js';
import type { Session } from '../../postgres/session.js';
import { type Membership, readMemberships } from '../../postgres/table/definitions.js';
import { type Dependent, readDependents } from '../../postgres/table/dependents.js';
import { type ForeignKey, readForeignKeys } from '../../postgres/table/foreign-keys.js';
import {
  type OwnedObject,
  readOwnedObjects,
  readTableFacts,
  type TableFacts,
} from '../../postgres/table/read-tables.js';
import type { Work } from '../target/work.js';
import { among, type Blueprint } from './blueprint.js';
import { dumpSchemaScripts } from './dump-schema.js';
import { comingBack, possibleOutgoing } from './foreign-key-plan.js';

/** A materialized view that has to be made again. */
export interface MaterializedView {
  readonly view: QualifiedName;
  readonly populated: boolean;
  readonly script: string;
}

/** What is in the database where the tables go, and what will become of it. */
export interface Survey {
  /** The tables that have the names now; undefined: there is none. */
  readonly existing: readonly (TableFacts | undefined)[];
  /** What belongs to them. */
  readonly owned: readonly OwnedObject[];
  readonly dependents: readonly Dependent[];
  readonly materializedViews: ReadonlyMap<number, MaterializedView>;
  /** Publications that list the tables, or listed those that are gone. */
  readonly memberships: readonly Membership[];
  /** Foreign keys to drop first: of others on the present tables, and of those on others. */
  readonly presentIncoming: readonly ForeignKey[];
  readonly presentOutgoing: readonly ForeignKey[];
  /** Foreign keys that will be there: on the tables as others have them now, or had them; and the tables' own. */
  readonly incoming: readonly ForeignKey[];
  readonly outgoing: readonly ForeignKey[];
  readonly lost: readonly LostForeignKey[];
}

/** Looks at everything that putting the tables in place will touch. Changes nothing. */
export async function surveyTarget(
  work: Work,
  session: Session,
  blueprint: Blueprint,
): Promise<Survey> {
  const existing = await readTableFacts(
    session,
    blueprint.tables.map(({ table }) => table),
  );
  const present = existing.filter((facts) => facts !== undefined);
  const isReplaced = among(blueprint.tables.map(({ table }) => table));
  const incoming = await readForeignKeys(session, 'incoming', present);
  const outgoing = await readForeignKeys(session, 'outgoing', present);
  const presentIncoming = incoming.filter(({ table }) => !isReplaced(table));
  const dependents = await readDependents(
    session,
    present.map(({ oid }) => oid),
  );
  return {
    existing,
    owned: await readOwnedObjects(session, present),
    dependents,
    materializedViews: await readMaterializedViews(work, session, dependents),
    memberships: await allMemberships(session, blueprint, present),
    presentIncoming,
    presentOutgoing: outgoing.filter(({ refersTo }) => !isReplaced(refersTo)),
    incoming: [...presentIncoming, ...(await comingBack(session, blueprint))],
    ...(await possibleOutgoing(session, blueprint)),
  };
}

async function allMemberships(
  session: Session,
  blueprint: Blueprint,
  present: readonly TableFacts[],
): Promise<Membership[]> {
  const isPresent = among(present);
  const publications = await session.query<{ name: string; owned: boolean }>(
    `SELECT pubname::text AS name, pg_has_role(pubowner, 'USAGE') AS owned FROM pg_publication`,
    [],
    'looking at the publications',
  );
  const back = blueprint.memberships.flatMap((membership) => {
    const found = publications.find(({ name }) => name === membership.publication);
    return isPresent(membership.table) || !found ? [] : [{ ...membership, owned: found.owned }];
  });
  return [...(await readMemberships(session, present)), ...back];
}

async function readMaterializedViews(
  work: Work,
  session: Session,
  dependents: readonly Dependent[],
): Promise<Map<number, MaterializedView>> {
  const found = new Map<number, MaterializedView>();
  for (const { kind, oid } of dependents) {
    if (kind !== 'materialized view') continue;
    const { populated, ...view } = await session.queryOne<QualifiedName & { populated: boolean }>(
      `SELECT n.nspname::text AS schema, c.relname::text AS name, c.relispopulated AS populated
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1`,
      [oid],
      'looking at the materialized views',
    );
    const { preData, postData } = await dumpSchemaScripts(work, work.target.database, {
      dump: [`--table=${pattern(view)}`],
      restore: [],
    });
    found.set(oid, { view, populated, script: `${preData}\n${postData}` });
  }
  return found;
}

/** pg_dump takes patterns; within quotes every character stands for itself. */
function pattern({ schema, name }: QualifiedName): string {
  return [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
}
