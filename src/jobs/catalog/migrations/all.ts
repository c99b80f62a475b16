import type { CatalogMigration } from '../catalog.js';
import { jobsMigration } from './001-jobs.js';
import { databasesMigration } from './002-databases.js';
import { accessMigration } from './003-access.js';
import { schedulesMigration } from './004-schedules.js';
import { webhooksMigration } from './005-webhooks.js';
import { agentsMigration } from './006-agents.js';

export const catalogMigrations: readonly CatalogMigration[] = [
  ...[jobsMigration, databasesMigration, accessMigration],
  ...[schedulesMigration, webhooksMigration, agentsMigration],
];
