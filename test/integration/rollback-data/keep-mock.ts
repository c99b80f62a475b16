import { vi } from 'vitest';
vi.mock('../../../src/features/record-backup/step-backup.js', () => ({
  // biome-ignore lint/suspicious/noExplicitAny: gone soon
  stepBackup: async (session: any, order: any) => {
    const { recordKeeper } = await import('../../../src/features/record-backup/keep.js');
    const { splitStatements } = await import('../../../src/postgres/parse-sql.js');
    const losses: any[] = [];
    const rel = async (r: any) => (await session.query(`SELECT $1::regclass::oid::int AS oid`, [(r.schemaname ?? 'public') + '."' + r.relname + '"']))[0].oid;
    const att = async (oid: number, c: string) => (await session.query(`SELECT attnum FROM pg_attribute WHERE attrelid=$1 AND attname=$2`, [oid, c]))[0].attnum;
    const below = async (oid: number) => (await session.query(`WITH RECURSIVE b AS (SELECT $1::oid AS oid UNION SELECT inhrelid FROM b JOIN pg_inherits ON inhparent=b.oid) SELECT b.oid::int AS oid FROM b JOIN pg_class c ON c.oid=b.oid WHERE NOT relispartition`, [oid])).map((r: any) => r.oid);
    for (const s of await splitStatements(order.script.sql)) {
      const t: any = s.tree; const own: any[] = [];
      try {
      if (s.kind === 'DropStmt') for (const o of t.objects) { const items = o.List.items.map((i: any) => i.String.sval); own.push({ what: 'table', table: await rel({ schemaname: items.at(-2), relname: items.at(-1) }) }); }
      if (s.kind === 'AlterTableStmt') for (const c of t.cmds) { const cmd = c.AlterTableCmd; const oid = await rel(t.relation);
        for (const o of await below(oid)) {
        if (cmd.subtype === 'AT_DropColumn') own.push({ what: 'column', table: o, column: await att(o, cmd.name) });
        if (cmd.subtype === 'AT_AlterColumnType') own.push({ what: 'conversion', table: o, column: await att(o, cmd.name) }); } }
      if (['UpdateStmt', 'DeleteStmt'].includes(s.kind)) for (const o of await below(await rel(t.relation))) own.push({ what: 'rows', table: o, events: [s.kind === 'UpdateStmt' ? 'UPDATE' : 'DELETE'] });
      if (s.kind === 'TruncateStmt') for (const r of t.relations) own.push({ what: 'rows', table: await rel(r.RangeVar), events: ['TRUNCATE'] });
      } catch { /* made by this script */ }
      losses.push(own);
    }
    return recordKeeper({ session, version: order.version, losses });
  },
}));
