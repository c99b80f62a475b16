import type { CatalogMigration } from '../catalog.js';

export const schedulesMigration: CatalogMigration = {
  number: 4,
  name: 'schedules',
  sql: '',
};
