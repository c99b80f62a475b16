/** What a rule is about. */
export type RuleTopic =
  /** Rows and values: lost, changed, or in the way so that the statement fails. */
  | 'data'
  /** Others have to wait: locks, rewrites, scans. */
  | 'lock'
  /** Code that runs now may not work with what there is afterwards. */
  | 'compatibility'
  /** Who may do what, and what is checked. */
  | 'security';

/** How loud a rule is by default, in the words of SARIF. A measured loss or failure is louder than its rule. */
export type RuleSeverity = 'error' | 'warning' | 'note';

export interface Rule {
  /** Stable: waivers, policies and SARIF name it. */
  readonly id: string;
  /** What the statement does, in a line. */
  readonly title: string;
  readonly about: RuleTopic;
  readonly severity: RuleSeverity;
}

type Row = readonly [id: string, severity: RuleSeverity, title: string];

const dataRules: readonly Row[] = [
  ['drop-table', 'error', 'A table goes with its rows'],
  ['drop-column', 'error', 'A column goes with its values'],
  ['drop-schema', 'error', 'A schema goes, with CASCADE also everything in it'],
  ['drop-sequence', 'warning', 'A sequence goes with its value'],
  ['drop-type', 'error', 'A type or domain goes, with CASCADE also the columns that have it'],
  ['drop-extension', 'error', 'An extension goes with its types, functions and tables'],
  ['drop-owned', 'error', 'Everything that a role owns in this database goes'],
  ['truncate', 'error', 'All rows of a table go'],
  ['delete', 'error', 'Rows are deleted'],
  ['delete-without-where', 'error', 'All rows are deleted: there is no WHERE'],
  ['update', 'warning', 'Values are overwritten'],
  ['update-without-where', 'error', 'Values of all rows are overwritten: there is no WHERE'],
  ['merge', 'warning', 'MERGE changes or deletes rows'],
  ['insert', 'note', 'Rows are added'],
  ['insert-on-conflict', 'warning', 'Rows that are there already are overwritten'],
  ['copy', 'note', 'Rows are loaded from a file'],
  ['cascade-delete', 'error', 'A foreign key takes rows along that refer to deleted ones'],
  ['cascade-update', 'warning', 'A foreign key changes rows that refer to changed ones'],
  ['rows-in-the-way', 'error', 'Rows of another table refer to what goes or changes: it fails'],
  ['alter-column-type', 'error', 'Values are converted to another type'],
  [
    'alter-composite-type',
    'error',
    'Attributes of a composite type change in the columns that have it',
  ],
  ['set-not-null', 'warning', 'Rows without a value make it fail; all rows are read under a lock'],
  [
    'add-column-not-null',
    'error',
    'A required column without a default fails where there are rows',
  ],
  [
    'add-check',
    'warning',
    'Rows that break the check make it fail; all rows are read under a lock',
  ],
  ['add-unique', 'warning', 'Duplicates make it fail; an index is built under a lock'],
  [
    'add-primary-key',
    'warning',
    'Duplicates and NULLs make it fail; an index is built under a lock',
  ],
  [
    'add-exclusion',
    'warning',
    'Rows that exclude each other make it fail; an index is built under a lock',
  ],
  ['add-foreign-key', 'warning', 'Rows that refer to nothing make it fail; both tables are locked'],
  ['add-not-null', 'warning', 'Rows without a value make it fail; all rows are read under a lock'],
  ['validate-constraint', 'note', 'Rows that break the constraint make it fail; writers may go on'],
  [
    'add-domain-constraint',
    'warning',
    'Values that break it make it fail; all columns of the domain are read',
  ],
  ['set-domain-not-null', 'warning', 'NULLs in columns of the domain make it fail'],
  ['create-unique-index', 'warning', 'Duplicates make the index fail'],
  ['attach-partition', 'warning', 'Rows outside of the bound make it fail'],
  ['detach-partition', 'warning', "A partition's rows are not in the parent table any more"],
  ['inherit', 'note', "A table's rows are seen in its new parent too"],
  ['no-inherit', 'warning', "A table's rows are not in its parent any more"],
  ['set-unlogged', 'error', 'After a crash of the server the table is empty'],
  [
    'drop-identity',
    'warning',
    'A column has no automatic values any more, and their sequence goes',
  ],
  ['set-expression', 'warning', 'Generated values are computed anew'],
  ['alter-sequence', 'warning', 'A sequence goes on with other values'],
  ['refresh-materialized-view', 'warning', 'The rows of a materialized view are replaced'],
  ['rename-enum-value', 'warning', 'A value of an enum has another name in all rows'],
  ['opaque-code', 'warning', 'Runs code whose effect is not known before it runs'],
  ['unknown-statement', 'warning', 'A statement that Belay does not know'],
  ['beyond-database', 'error', 'Reaches beyond this database'],
];

const lockRules: readonly Row[] = [
  ['add-column', 'note', 'A column is added without touching rows'],
  ['add-column-rewrite', 'warning', 'A new column writes every row anew under a lock'],
  ['add-column-generated', 'warning', 'A generated column writes every row anew under a lock'],
  [
    'add-column-identity',
    'warning',
    'A column with automatic numbers writes every row anew under a lock',
  ],
  ['add-constraint-using-index', 'note', 'A constraint takes over an index that is there'],
  ['create-index', 'note', 'An index is made'],
  ['create-index-blocking', 'warning', 'Building an index without CONCURRENTLY blocks writers'],
  ['create-index-concurrently', 'note', 'An index is built while others go on'],
  ['drop-index', 'warning', 'Dropping an index without CONCURRENTLY blocks readers and writers'],
  ['alter-index', 'note', 'Settings of an index change'],
  [
    'reindex',
    'warning',
    'Rebuilding an index without CONCURRENTLY blocks writers, and readers that would use it',
  ],
  ['reindex-concurrently', 'note', 'An index is rebuilt while others go on'],
  ['set-access-method', 'warning', 'The table is written anew under a lock'],
  ['set-tablespace', 'warning', 'The table is copied under a lock'],
  ['set-logged', 'warning', 'The table is written anew under a lock'],
  ['vacuum', 'note', 'Dead rows are cleaned up while others go on'],
  ['vacuum-full', 'warning', 'The table is written anew under a lock'],
  ['cluster', 'warning', 'The table is written anew in the order of an index, under a lock'],
  ['lock-table', 'warning', 'A table is locked until the transaction ends'],
  ['drop-constraint', 'warning', 'From now on nothing checks it'],
  ['alter-constraint', 'note', 'A constraint is checked at another time'],
  ['enable-trigger', 'note', 'A trigger fires from now on'],
  ['table-setting', 'note', 'Settings of a table change'],
  ['column-setting', 'note', 'Settings of a column change'],
  ['replica-identity', 'note', 'What logical replication knows a row by changes'],
  ['table-of-type', 'note', 'A table is bound to a type, or not any more'],
  ['create-statistics', 'note', 'Statistics are kept for the planner'],
  ['checkpoint', 'note', 'The server writes everything to disk at once'],
];

const compatibilityRules: readonly Row[] = [
  ['rename-table', 'warning', 'A table has another name: what still uses the old one fails'],
  ['rename-column', 'warning', 'A column has another name: what still uses the old one fails'],
  ['rename', 'warning', 'An object has another name: what still uses the old one fails'],
  ['move-schema', 'warning', 'An object is in another schema: what still uses the old name fails'],
  ['drop-view', 'warning', 'A view goes'],
  ['drop-materialized-view', 'warning', 'A materialized view goes; its rows can be computed again'],
  ['drop-foreign-table', 'warning', 'A foreign table goes; its rows stay where they are'],
  ['drop-function', 'warning', 'A function, procedure or aggregate goes'],
  ['drop-object', 'warning', 'An object goes'],
  ['drop-not-null', 'note', 'A column may be empty from now on'],
  ['set-default', 'note', 'New rows get another default'],
  ['drop-default', 'warning', 'New rows get no default any more'],
  ['add-identity', 'note', 'A column gets automatic numbers'],
  ['set-identity', 'note', 'How automatic numbers are given changes'],
  ['drop-expression', 'warning', 'A generated column becomes an ordinary one'],
  ['add-enum-value', 'note', 'An enum gets a new value'],
  [
    'enum-value-in-transaction',
    'error',
    'A new value of an enum cannot be used in the transaction that adds it',
  ],
  ['alter-type', 'note', 'Properties of a type change'],
  ['alter-domain', 'note', 'Properties of a domain change'],
  ['drop-domain-constraint', 'warning', 'From now on nothing checks it'],
  ['alter-view', 'note', 'Properties of a view change'],
  ['alter-object', 'note', 'Properties of an object change'],
  ['create-object', 'note', 'An object is made'],
  ['create-table', 'note', 'A table is made'],
  ['replace-object', 'warning', 'An object is replaced by another one of its name'],
  ['object-missing', 'error', 'Fails: what it names is not there'],
  ['object-exists', 'error', 'Fails: what it would make is there already'],
  ['nothing-to-do', 'note', 'Changes nothing: IF EXISTS or IF NOT EXISTS'],
  ['dependents-in-the-way', 'error', 'Fails: something depends on it'],
  ['not-in-transaction', 'error', 'Cannot run within a transaction'],
  ['set-search-path', 'note', 'Names are looked up in other schemas from now on'],
  ['setting', 'note', 'A setting of the session changes'],
  ['database-setting', 'warning', 'A setting of the database changes for everybody'],
  ['transaction', 'note', 'Begins or ends a transaction or savepoint'],
  ['read-only', 'note', 'Reads, and changes nothing'],
  ['comment', 'note', 'A comment changes'],
];

const securityRules: readonly Row[] = [
  ['grant-to-public', 'warning', 'Everybody gets a right'],
  ['grant', 'note', 'A role gets a right'],
  ['revoke-from-public', 'warning', 'A right that everybody had goes'],
  ['revoke', 'warning', 'A right of a role goes'],
  ['grant-role', 'warning', 'A role becomes, or is no more, a member of another one'],
  ['default-privileges', 'note', 'Rights of future objects change'],
  ['create-role', 'warning', 'A role of the whole server is made'],
  ['alter-role', 'warning', 'A role of the whole server changes'],
  ['drop-role', 'error', 'A role of the whole server goes'],
  ['reassign-owned', 'warning', 'Everything that a role owns gets another owner'],
  ['change-owner', 'warning', 'An object gets another owner'],
  ['create-policy', 'note', 'Row-level security gets a policy'],
  ['alter-policy', 'warning', 'A policy shows or takes other rows from now on'],
  ['drop-policy', 'warning', 'A policy of row-level security goes'],
  ['drop-trigger', 'warning', 'From now on the trigger does not fire'],
  ['drop-rule', 'warning', 'From now on the rule does nothing'],
  ['disable-trigger', 'error', 'From now on nothing does what the trigger did'],
  ['disable-rule', 'warning', 'From now on the rule does nothing'],
  ['enable-rule', 'note', 'A rule rewrites statements from now on'],
  [
    'disable-row-security',
    'error',
    'From now on everybody with a right to the table sees all of its rows',
  ],
  ['enable-row-security', 'warning', 'From now on only rows that a policy allows are seen'],
  [
    'force-row-security',
    'warning',
    "Row-level security begins or ends to apply to the table's owner",
  ],
  ['security-label', 'note', 'A security label changes'],
];

const rulesAbout = (about: RuleTopic, rows: readonly Row[]): Rule[] =>
  rows.map(([id, severity, title]) => ({ id, title, about, severity }));

/** Every rule by which impact analysis finds something. */
export const rules: readonly Rule[] = [
  ...rulesAbout('data', dataRules),
  ...rulesAbout('lock', lockRules),
  ...rulesAbout('compatibility', compatibilityRules),
  ...rulesAbout('security', securityRules),
];

const byId: ReadonlyMap<string, Rule> = new Map(rules.map((rule) => [rule.id, rule]));

export function findRule(id: string): Rule | undefined {
  return byId.get(id);
}
