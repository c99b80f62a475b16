import type { Api } from '../http/api.js';
import { addAgentRoutes } from './agent.js';
import { addBranchRoutes } from './branches.js';
import { addCheckpointRoutes } from './checkpoint.js';
import { addComparisonRoutes } from './comparisons.js';
import { addDatabaseRoutes } from './databases.js';
import { addDriftRoutes } from './drift.js';
import { addHealthRoutes } from './health.js';
import { addJobRoutes } from './jobs.js';
import { addLedgerRoutes } from './ledger.js';
import { addMcpRoutes } from './mcp.js';
import { addPeopleRoutes } from './people.js';
import { addPlanRoutes } from './plans.js';
import { addProofRoutes } from './proofs.js';
import { addRehearsalRoutes } from './rehearsals.js';
import { addRestoreRoutes } from './restores.js';
import { addRollbackRoutes } from './rollbacks.js';
import { addScheduleRoutes } from './schedules.js';
import { addSchemaComparisonRoutes } from './schema-comparisons.js';
import { addSessionRoutes } from './session.js';
import { addSnapshotRoutes } from './snapshots.js';
import { addTokenRoutes } from './tokens.js';
import { addVersionRoutes } from './versions.js';
import { addWebhookRoutes } from './webhooks.js';

/** Every route of the API, one noun a file. */
export function addAllRoutes(api: Api): void {
  for (const add of nouns) add(api);
}

const nouns: readonly ((api: Api) => void)[] = [
  ...[addCheckpointRoutes, addDatabaseRoutes, addSnapshotRoutes, addRestoreRoutes, addProofRoutes],
  ...[addMcpRoutes, addAgentRoutes, addJobRoutes, addHealthRoutes],
  ...[addComparisonRoutes, addBranchRoutes, addPlanRoutes, addRehearsalRoutes, addRollbackRoutes],
  ...[addVersionRoutes, addDriftRoutes, addSchemaComparisonRoutes, addLedgerRoutes],
  ...[addSessionRoutes, addTokenRoutes, addPeopleRoutes, addScheduleRoutes, addWebhookRoutes],
];
