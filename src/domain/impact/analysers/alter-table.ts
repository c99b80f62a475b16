import type { AlterTableCmd, AlterTableMoveAllStmt, AlterTableStmt, Constraint } from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { contentOf } from '../grammar.js';
import { lockHazard } from '../table-weight.js';
import { printedName } from '../world/printed-names.js';
import type { Analyser, Analysers } from '../world.js';
import { addColumn } from './alter-table/add-column.js';
import { addConstraint } from './alter-table/add-constraint.js';
import { alterColumn } from './alter-table/alter-column.js';
import { type Altered, alteration, alteredOf, failing, weightOf } from './alter-table/altered.js';
import {
  alterConstraint,
  dropConstraint,
  validateConstraint,
} from './alter-table/change-constraint.js';
import { alterColumnType } from './alter-table/column-type.js';
import { missingColumn } from './alter-table/constraint-names.js';
import { guards } from './alter-table/guards.js';
import { partitions } from './alter-table/partitions.js';
import { storage } from './alter-table/storage.js';
import { alterCompositeType } from './composite-types.js';
import { alterIndex } from './indexes.js';
import { dropColumn } from './losses.js';
import { missingObject } from './missing-object.js';

type CommandAnalyser = (altered: Altered, cmd: AlterTableCmd) => readonly Finding[];

const dropColumnCommand: CommandAnalyser = (altered, cmd) => {
  const { world, relation, statement } = altered;
  const name = cmd.name ?? '';
  const column = world.findColumn(relation, name);
  const operation = 'DROP COLUMN';
  if (!column) {
    if (!cmd.missing_ok) return [missingColumn(altered, operation, name)];
    const reason = `${altered.object} has no column ${name}`;
    return [
      alteration(altered, {
        ...{ rule: 'nothing-to-do', operation, column: name, reason, lock: 'ACCESS EXCLUSIVE' },
      }),
    ];
  }
  const { relation: range } = statement.tree as AlterTableStmt;
  const hazard = lockHazard('ACCESS EXCLUSIVE', 'nothing', weightOf(altered));
  return dropColumn(world, relation, column, {
    ...{ cascade: cmd.behavior === 'DROP_CASCADE', only: range?.inh !== true },
  }).map((one) => (one.table === relation.live?.oid ? { ...one, hazard } : one));
};

const addConstraintCommand: CommandAnalyser = (altered, { def }) =>
  addConstraint(altered, contentOf<Constraint>(def, 'Constraint') ?? {});

/** By subtype of the command; what is not here is not known. */
const commands: Readonly<Record<string, CommandAnalyser | undefined>> = {
  ...{ AT_AddColumn: addColumn, AT_DropColumn: dropColumnCommand },
  ...alterColumn,
  AT_AlterColumnType: alterColumnType,
  AT_AddConstraint: addConstraintCommand,
  AT_ValidateConstraint: validateConstraint,
  AT_DropConstraint: dropConstraint,
  AT_AlterConstraint: alterConstraint,
  ...guards,
  ...storage,
  ...partitions,
};

/**
 * PostgreSQL does not work through the commands in the order in which they are written: what goes goes first, then
 * types change, then columns are added, then all the rest.
 */
const passes: Readonly<Record<string, number>> = {
  ...{ AT_DropColumn: 0, AT_DropConstraint: 0, AT_AlterColumnType: 1, AT_AddColumn: 2 },
  // The passes of what needs the index or column that another command makes.
  ...{ AT_AddConstraint: 4, AT_ValidateConstraint: 5 },
};

function unknownCommand(altered: Altered, { subtype }: AlterTableCmd): Finding {
  return alteration(altered, {
    ...{ rule: 'unknown-statement', operation: 'ALTER TABLE', safety: 'UNSAFE' },
    ...{ lock: 'ACCESS EXCLUSIVE', unmeasured: 'what it does is not known' },
    reason: `Belay does not know what ${subtype} does: \`belay rehearse\` measures it on a copy`,
  });
}

/** The commands of one statement, in PostgreSQL's order; findings in the order in which they are written. */
function analyseCommands(altered: Altered, nodes: readonly unknown[]): Finding[] {
  const cmds = nodes.flatMap((node) => contentOf<AlterTableCmd>(node, 'AlterTableCmd') ?? []);
  const order = cmds
    .map((cmd, index) => ({ cmd, index, pass: passes[cmd.subtype ?? ''] ?? 3 }))
    .sort((a, b) => a.pass - b.pass);
  const found: (readonly Finding[])[] = [];
  for (const { cmd, index } of order) {
    const analyse = commands[cmd.subtype ?? ''];
    found[index] = analyse ? analyse(altered, cmd) : [unknownCommand(altered, cmd)];
  }
  return found.flat();
}

const kindWords: Readonly<Record<string, string>> = {
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_FOREIGN_TABLE: 'foreign table',
  OBJECT_INDEX: 'index',
};

const alterTable: Analyser = (statement, world) => {
  const tree = statement.tree as AlterTableStmt;
  const { schemaname: schema, relname: name = '' } = tree.relation ?? {};
  if (tree.objtype === 'OBJECT_TYPE') return alterCompositeType(statement, world, tree);
  const relation = world.findRelation({ schema, name });
  if (tree.objtype === 'OBJECT_INDEX' || !relation) {
    const index = alterIndex(statement, world, tree);
    if (index) return index;
  }
  const kind = kindWords[tree.objtype ?? ''] ?? 'table';
  if (!relation) {
    const operation = `ALTER ${kind.toUpperCase()}`;
    return [
      missingObject(
        world,
        kind,
        { schema, name },
        { operation, missingOk: tree.missing_ok === true },
      ),
    ];
  }
  const altered = alteredOf(world, statement, relation, tree.relation?.inh !== true);
  if (relation.kind === 'v' && tree.cmds?.some(isRefusedByViews)) {
    const reason = 'it is a view, and PostgreSQL does this to tables only';
    return [failing(altered, { rule: 'alter-view', operation: 'ALTER VIEW', reason })];
  }
  const found = analyseCommands(altered, tree.cmds ?? []);
  return relation.kind === 'v' ? found.map((one) => ofView(altered, one)) : found;
};

/** What can be altered of a view. */
const ofViews: ReadonlySet<string> = new Set([
  ...['AT_ColumnDefault', 'AT_ChangeOwner', 'AT_SetRelOptions', 'AT_ResetRelOptions'],
  // Triggers INSTEAD OF, rules and privileges are left to their own analysers.
  ...['AT_EnableTrig', 'AT_DisableTrig', 'AT_EnableRule', 'AT_DisableRule'],
]);

const isRefusedByViews = (node: unknown): boolean =>
  !ofViews.has(contentOf<AlterTableCmd>(node, 'AlterTableCmd')?.subtype ?? '');

/** A view has no rows: nothing is written or read, whatever the command. */
function ofView({ object }: Altered, found: Finding): Finding {
  const { operation } = found;
  const isOwn = found.rule === 'change-owner' || found.fails === true;
  return {
    ...found,
    ...(isOwn ? {} : { rule: 'alter-view', object: found.object || object }),
    ...{ operation, safety: 'SAFE', rewrite: false, scan: false, measure: null, counts: null },
  };
}

/** ALTER TABLE ALL IN TABLESPACE: which tables lie there is not read. */
const moveAll: Analyser = ({ tree }, { catalog }) => {
  const { orig_tablespacename: from = '', new_tablespacename: to = '' } =
    tree as AlterTableMoveAllStmt;
  return [
    finding({
      ...{ rule: 'set-tablespace', operation: 'SET TABLESPACE', object: printedName(from) },
      ...{ safety: 'SAFE', lock: 'ACCESS EXCLUSIVE' },
      reason: `everything of ${catalog.database} in the tablespace ${from} is copied to ${to}, one lock after another, all of them held to the end`,
      saferWay:
        'Move one table at a time: ALTER TABLE … SET TABLESPACE …; in a transaction of its own.',
    }),
  ];
};

/** ALTER TABLE with all its commands, also for views, indexes, sequences and composite types. */
export const alterTableAnalysers: Analysers = {
  AlterTableStmt: alterTable,
  AlterTableMoveAllStmt: moveAll,
};
