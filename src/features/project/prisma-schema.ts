import path from 'node:path';
import { type ProjectFiles, projectPath } from './project-files.js';

/** What a project's Prisma files say. */
export interface PrismaSchema {
  /** Relative to the project. */
  readonly migrations: string;
  /** `url = env("NAME")` of the datasource. */
  readonly urlVariable: string | undefined;
  /** `url = "postgresql://…"` of the datasource. */
  readonly url: string | undefined;
  /** The file with the datasource, for people. */
  readonly file: string;
}

const configNames = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].flatMap((extension) => [
  `prisma.config.${extension}`,
  `.config/prisma.${extension}`,
]);

/** Finds the Prisma schema where Prisma looks for it, or undefined. */
export async function readPrismaSchema(files: ProjectFiles): Promise<PrismaSchema | undefined> {
  const config = await readConfig(files);
  const named = [config?.schema, await schemaOfPackage(files)].filter((name) => name !== undefined);
  for (const name of [...named, 'prisma/schema.prisma', 'schema.prisma', 'prisma']) {
    const found = await findDatasource(files, name);
    if (!found) continue;
    const besideSchema = projectPath(path.posix.dirname(found.file), 'migrations');
    const migrations = config?.migrations ?? besideSchema;
    const block = /\bdatasource\s+\w+\s*\{([^}]*)\}/.exec(found.text)?.[1] ?? '';
    return {
      migrations,
      urlVariable: /^\s*url\s*=\s*env\(\s*"([A-Za-z_]\w*)"\s*\)/m.exec(block)?.[1],
      url: /^\s*url\s*=\s*"([^"]+)"/m.exec(block)?.[1],
      file: found.file,
    };
  }
  return undefined;
}

async function readConfig(files: ProjectFiles) {
  for (const name of configNames) {
    const text = await files.read(name);
    if (text === undefined) continue;
    const schema = /\bschema\s*:\s*['"`]([^'"`$]+)['"`]/.exec(text)?.[1];
    const migrations = /\bmigrations\s*:\s*\{[^}]*?\bpath\s*:\s*['"`]([^'"`$]+)['"`]/.exec(
      text,
    )?.[1];
    const base = path.posix.dirname(name) === '.config' ? '.' : path.posix.dirname(name);
    return {
      schema: schema && projectPath(base, schema),
      migrations: migrations && projectPath(base, migrations),
    };
  }
  return undefined;
}

async function schemaOfPackage(files: ProjectFiles): Promise<string | undefined> {
  try {
    const schema: unknown = JSON.parse((await files.read('package.json')) ?? '{}').prisma?.schema;
    return typeof schema === 'string' ? projectPath('.', schema) : undefined;
  } catch {
    return undefined;
  }
}

/** A schema is a file, or a folder of which one file holds the datasource. */
async function findDatasource(files: ProjectFiles, name: string) {
  const names = name.endsWith('.prisma')
    ? [name]
    : (await files.list(name, /\.prisma$/)).map((file) => projectPath(name, file));
  for (const file of names) {
    const text = await files.read(file);
    if (text !== undefined && /\bdatasource\s+\w+\s*\{/.test(text)) return { file, text };
  }
  return undefined;
}
