import type { AlterTableCmd } from 'libpg-query';
import type { Finding } from '../../finding.js';
import { type Altered, alteration, failing } from './altered.js';

const weak = 'SHARE ROW EXCLUSIVE';
const strong = 'ACCESS EXCLUSIVE';

type Analyse = (altered: Altered, cmd: AlterTableCmd) => readonly Finding[];

/** The user's triggers; those of foreign keys belong to constraints. */
function hasTrigger({ world, relation }: Altered, name: string): boolean {
  return relation.isNew || world.triggersOf(relation).some((one) => one.name === name);
}

function missingTrigger(altered: Altered, operation: string, name: string): Finding {
  const reason = `${altered.object} has no trigger ${name}`;
  return failing(altered, { rule: 'object-missing', operation, reason });
}

const disableTriggers: Analyse = (altered, { subtype, name = '' }) => {
  const { world, relation } = altered;
  const operation = 'DISABLE TRIGGER';
  const facts = { rule: 'disable-trigger', operation, safety: 'UNSAFE', lock: weak } as const;
  if (subtype === 'AT_DisableTrig') {
    if (!hasTrigger(altered, name)) return [missingTrigger(altered, operation, name)];
    const reason = `${name} does not fire from now on: what it checks or writes is not checked or written any more`;
    return [alteration(altered, { ...facts, reason })];
  }
  const names = world.triggersOf(relation).map((one) => one.name);
  const which = names.length === 0 ? 'no trigger of the user’s is there' : names.join(', ');
  if (subtype === 'AT_DisableTrigUser') {
    const reason = `triggers do not fire from now on (${which})`;
    return [alteration(altered, { ...facts, reason })];
  }
  const reason = `no trigger fires from now on (${which}), those of foreign keys included: rows that refer to nothing can be written, and the constraints stay marked as valid`;
  return [alteration(altered, { ...facts, reason })];
};

const enableTriggers: Analyse = (altered, { subtype, name = '' }) => {
  const operation = 'ENABLE TRIGGER';
  const isNamed = subtype !== 'AT_EnableTrigAll' && subtype !== 'AT_EnableTrigUser';
  if (isNamed && !hasTrigger(altered, name)) return [missingTrigger(altered, operation, name)];
  // A replica's trigger stays silent for everybody else.
  const isReplica = subtype === 'AT_EnableReplicaTrig';
  return [
    alteration(altered, {
      ...{ rule: isReplica ? 'disable-trigger' : 'enable-trigger', operation, lock: weak },
      safety: isReplica ? 'UNSAFE' : 'SAFE',
      reason: isReplica
        ? `${name} fires from now on only where session_replication_role is replica`
        : 'fires for what is written from now on; rows that were written meanwhile are not looked at',
    }),
  ];
};

const rule =
  (operation: string, does: boolean): Analyse =>
  (altered, { name }) => [
    alteration(altered, {
      ...{ rule: does ? 'enable-rule' : 'disable-rule', operation, lock: strong },
      safety: 'UNSAFE',
      reason: does
        ? `${name} rewrites statements from now on: they may do something else`
        : `${name} rewrites no statement any more: they may do something else`,
    }),
  ];

const rowSecurity: Readonly<Record<string, Analyse>> = {
  AT_EnableRowSecurity: (altered) => [
    alteration(altered, {
      ...{ rule: 'enable-row-security', operation: 'ENABLE ROW LEVEL SECURITY', lock: strong },
      reason:
        'from now on everybody but the owner sees and writes only rows that a policy allows: without a policy none',
    }),
  ],
  AT_DisableRowSecurity: (altered) => [
    alteration(altered, {
      ...{ rule: 'disable-row-security', operation: 'DISABLE ROW LEVEL SECURITY', lock: strong },
      safety: 'UNSAFE',
      reason: 'from now on everybody with a right to the table sees and writes all of its rows',
    }),
  ],
  AT_ForceRowSecurity: (altered) => [
    alteration(altered, {
      ...{ rule: 'force-row-security', operation: 'FORCE ROW LEVEL SECURITY', lock: strong },
      reason: 'from now on policies apply to the owner too',
    }),
  ],
  AT_NoForceRowSecurity: (altered) => [
    alteration(altered, {
      ...{ rule: 'force-row-security', operation: 'NO FORCE ROW LEVEL SECURITY', lock: strong },
      safety: 'UNSAFE',
      reason: 'from now on the owner sees and writes all rows, whatever the policies say',
    }),
  ],
};

/** Triggers, rules and row-level security: what sees to it that rows are right, and who sees them. */
export const guards: Readonly<Record<string, Analyse>> = {
  AT_DisableTrig: disableTriggers,
  AT_DisableTrigAll: disableTriggers,
  AT_DisableTrigUser: disableTriggers,
  AT_EnableTrig: enableTriggers,
  AT_EnableAlwaysTrig: enableTriggers,
  AT_EnableReplicaTrig: enableTriggers,
  AT_EnableTrigAll: enableTriggers,
  AT_EnableTrigUser: enableTriggers,
  AT_EnableRule: rule('ENABLE RULE', true),
  AT_EnableAlwaysRule: rule('ENABLE ALWAYS RULE', true),
  AT_EnableReplicaRule: rule('ENABLE REPLICA RULE', false),
  AT_DisableRule: rule('DISABLE RULE', false),
  ...rowSecurity,
};
