import { leadBody, leadSql, pathItems, type SchemaNames } from '../../domain/schema-branch-text.js';
import { quoteLiteral, type Session } from '../session.js';

const doing = 'leading routines to the new schema';

interface Routine {
  readonly name: string;
  readonly ownName: string;
  readonly language: string;
  readonly body: string;
  /** Null for aggregates, which have none. */
  readonly definition: string | null;
  readonly arguments: readonly string[];
  readonly settings: readonly string[];
}

const routinesSql = `
  SELECT p.oid::regprocedure::text AS name, p.proname::text AS "ownName", l.lanname::text AS language,
         CASE WHEN pg_get_function_sqlbody(p.oid) IS NULL AND p.prokind <> 'a' THEN p.prosrc ELSE '' END AS body,
         CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS definition,
         coalesce(to_json(p.proargnames), '[]') AS arguments, coalesce(to_json(p.proconfig), '[]') AS settings
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
   WHERE p.pronamespace = $1::regnamespace
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
   ORDER BY 1`;

export interface LedRoutines {
  readonly notes: readonly string[];
  readonly doubts: readonly string[];
}

/**
 * Leads what routines keep as texts to the schema's new name, in the transaction of the session: their bodies, and their own
 * settings. Bodies that PostgreSQL keeps parsed (BEGIN ATOMIC) have followed the rename.
 */
export async function leadRoutines(session: Session, names: SchemaNames): Promise<LedRoutines> {
  const routines = await session.query<Routine>(routinesSql, [names.quotedTo], doing);
  const [notes, doubts, statements]: [string[], string[], string[]] = [[], [], []];
  for (const routine of routines) {
    const { name, ownName, body } = routine;
    const led = leadBody({ ...routine, name: ownName }, names);
    notes.push(...led.notes.map((note) => `${name}: ${note}`));
    doubts.push(...led.doubts.map((doubt) => `${name}: ${doubt}`));
    if (led.text !== body) statements.push(withBody(routine, led.text));
    for (const setting of routine.settings) {
      const changed = ledSetting(setting, names);
      if (changed !== undefined) statements.push(`ALTER ROUTINE ${name} SET ${changed}`);
    }
  }
  if (statements.length > 0) await session.execute(statements.join(';\n'), doing);
  return { notes, doubts };
}

/** The routine with another body. What stands before the body is as PostgreSQL prints it. */
function withBody({ definition }: Routine, body: string): string {
  const text = definition ?? '';
  return `${text.slice(0, text.search(/\nAS (?:\$|'| E')/))}\nAS ${quoteLiteral(body)}`;
}

/** A setting with the new name, as it stands after SET; undefined: it does not name the schema. */
function ledSetting(setting: string, names: SchemaNames): string | undefined {
  const at = setting.indexOf('=');
  const [key, value] = [setting.slice(0, at), setting.slice(at + 1)];
  if (key === 'search_path') {
    const items = pathItems(value);
    if (!items.includes(names.from)) return undefined;
    // What extensions made stays in the old schema, and has to be found.
    const to = names.kept.size > 0 ? [names.to, names.from] : [names.to];
    const led = items.flatMap((item) => (item === names.from ? to : [item]));
    return `search_path TO ${led.map((item) => quoteLiteral(item)).join(', ')}`;
  }
  const led = leadSql(value, names).text;
  return led === value ? undefined : `${key} TO ${quoteLiteral(led)}`;
}
