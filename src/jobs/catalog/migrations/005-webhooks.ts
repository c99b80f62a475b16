import type { CatalogMigration } from '../catalog.js';

export const webhooksMigration: CatalogMigration = {
  number: 5,
  name: 'webhooks',
  sql: '',
};
