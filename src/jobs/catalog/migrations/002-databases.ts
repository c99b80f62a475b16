import type { CatalogMigration } from '../catalog.js';

export const databasesMigration: CatalogMigration = {
  number: 2,
  name: 'databases',
  sql: '',
};
