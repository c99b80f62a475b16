import type { CatalogMigration } from '../catalog.js';

export const accessMigration: CatalogMigration = {
  number: 3,
  name: 'access',
  sql: '',
};
