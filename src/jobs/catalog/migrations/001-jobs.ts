import type { CatalogMigration } from '../catalog.js';

export const jobsMigration: CatalogMigration = {
  number: 1,
  name: 'jobs',
  sql: '',
};
