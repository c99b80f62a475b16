import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

type Engine = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');

// Node has it, and its types have not.
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { exports: object };
  };
};

let loaded: Promise<Engine> | undefined;

/** The schema engine of Prisma is published as WebAssembly with the glue for bundlers; this loads it into Node. */
async function loadEngine(): Promise<Engine> {
  const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const glue = createRequire(import.meta.url).resolve(
    '@prisma/schema-engine-wasm/schema_engine_bg',
  );
  const wasm = new WebAssembly.Module(readFileSync(glue.replace(/\.js$/, '.wasm')));
  const { exports } = new WebAssembly.Instance(wasm, { './schema_engine_bg.js': { ...engine } });
  (engine as unknown as { __wbg_set_wasm(exports: unknown): void }).__wbg_set_wasm(exports);
  (exports as { __wbindgen_start?: () => void }).__wbindgen_start?.();
  return engine;
}

/** What `prisma migrate` has of a project: the SQL of each migration by the name of its folder. */
export type PrismaMigrations = readonly (readonly [name: string, sql: string])[];

const filters = { externalTables: [], externalEnums: [] };

function migrationsList(migrations: PrismaMigrations) {
  return {
    baseDir: '/project/prisma/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(([name, value]) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } },
    })),
  };
}

/** Calls Prisma's own engine as `prisma migrate deploy`, `resolve` and `status` do. */
export async function withPrisma<T>(
  url: string,
  work: (prisma: {
    deploy(migrations: PrismaMigrations): Promise<string[]>;
    resolveRolledBack(name: string): Promise<void>;
    edited(migrations: PrismaMigrations): Promise<string[]>;
  }) => Promise<T>,
): Promise<T> {
  loaded ??= loadEngine();
  const { SchemaEngine } = await loaded;
  const datamodels: [string, string][] = [
    ['schema.prisma', 'datasource db {\n  provider = "postgresql"\n}\n'],
  ];
  const pool = new pg.Pool({ connectionString: url });
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
  const engine = await SchemaEngine.new({ datamodels }, () => {}, adapter);
  try {
    return await work({
      deploy: async (migrations) => {
        const list = migrationsList(migrations);
        return (await engine.applyMigrations({ migrationsList: list, filters }))
          .appliedMigrationNames;
      },
      resolveRolledBack: async (migrationName) => {
        await engine.markMigrationRolledBack({ migrationName });
      },
      edited: async (migrations) => {
        const list = migrationsList(migrations);
        const options = { migrationsList: list, optInToShadowDatabase: false, filters };
        return (await engine.diagnoseMigrationHistory(options)).editedMigrationNames;
      },
    });
  } finally {
    engine.free();
    // Its lock is held by a connection that the pool would keep.
    await pool.end();
  }
}
