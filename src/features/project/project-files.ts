import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** Reads a project's files for a look at what it uses. Nothing here throws: a file that cannot be read is not there. */
export interface ProjectFiles {
  readonly folder: string;
  /** The text of a file, or undefined. */
  read(file: string): Promise<string | undefined>;
  /** The names in a folder that match, sorted; none where the folder is not there. */
  list(folder: string, pattern: RegExp): Promise<readonly string[]>;
  isFolder(folder: string): Promise<boolean>;
  /** Whether package.json names the package among its dependencies. */
  dependsOn(name: string): Promise<boolean>;
}

/** Larger files are no configuration and are not read. */
const maxFileBytes = 1024 * 1024;

export function projectFiles(folder: string): ProjectFiles {
  const at = (name: string) => path.resolve(folder, name);
  const read = async (file: string) => {
    try {
      const info = await stat(at(file));
      if (!info.isFile() || info.size > maxFileBytes) return undefined;
      return (await readFile(at(file), 'utf8')).replace(/^\uFEFF/, '');
    } catch {
      return undefined;
    }
  };
  return {
    folder,
    read,
    list: async (name, pattern) => {
      const names = await readdir(at(name)).catch(() => []);
      return names.filter((found) => pattern.test(found)).sort();
    },
    isFolder: (name) =>
      stat(at(name)).then(
        (info) => info.isDirectory(),
        () => false,
      ),
    dependsOn: async (name) => namesDependency(await read('package.json'), name),
  };
}

function namesDependency(packageJson: string | undefined, name: string): boolean {
  try {
    const { dependencies, devDependencies } = JSON.parse(packageJson ?? '{}');
    return name in { ...dependencies, ...devDependencies };
  } catch {
    return false;
  }
}

/** The first of these files that is there, with its text. */
export async function firstFile(
  files: ProjectFiles,
  names: readonly string[],
): Promise<{ readonly name: string; readonly text: string } | undefined> {
  for (const name of names) {
    const text = await files.read(name);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/** The first of these folders that is there. */
export async function firstFolder(
  files: ProjectFiles,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) if (await files.isFolder(name)) return name;
  return undefined;
}

/**
 * A path that a tool's config names, relative to the project and with `/`.
 * @param base the folder that the path starts from
 */
export function projectPath(base: string, name: string): string {
  return path.posix.normalize(path.posix.join(base, name)).replace(/\/$/, '');
}
