import { tmpdir } from 'node:os';
import { afterAll, beforeAll } from 'vitest';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { openCatalog } from '../../../src/jobs/catalog/open-catalog.js';
import type { Access } from '../../../src/server/access/access.js';
import { openAccess } from '../../../src/server/access/open-access.js';
import { createTestDatabase, type TestServer } from '../../support/servers.js';

export interface AccessScene {
  readonly url: string;
  readonly catalog: Catalog;
  readonly access: Access;
  /** Another server on the same catalog, with connections of its own. */
  readonly other: Access;
}

/** Two servers on one catalog, for the tests of a file; everything is gone afterwards. */
export function useAccess(server: Pick<TestServer, 'adminUrl'>): AccessScene {
  const opened: { scene?: AccessScene; close?: () => Promise<void> } = {};
  beforeAll(async () => {
    const { url, drop } = await createTestDatabase(server, { name: 'access' });
    const catalogs = [
      await openCatalog({ url, home: tmpdir() }),
      await openCatalog({ url, home: tmpdir() }),
    ];
    const [catalog, second] = catalogs as [Catalog, Catalog];
    const [access, other] = [openAccess({ catalog }), openAccess({ catalog: second })];
    opened.scene = { url, catalog, access, other };
    opened.close = async () => {
      await Promise.all([access.close(), other.close()]);
      await Promise.all(catalogs.map((one) => one.close()));
      await drop();
    };
  });
  afterAll(() => opened.close?.());
  const scene = () => {
    if (opened.scene === undefined) throw new Error('the scene is not open yet');
    return opened.scene;
  };
  return {
    get url() {
      return scene().url;
    },
    get catalog() {
      return scene().catalog;
    },
    get access() {
      return scene().access;
    },
    get other() {
      return scene().other;
    },
  };
}

export const password = 'correct horse battery';
