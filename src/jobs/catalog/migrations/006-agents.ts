import type { CatalogMigration } from '../catalog.js';

export const agentsMigration: CatalogMigration = {
  number: 6,
  name: 'agents',
  sql: '',
};
