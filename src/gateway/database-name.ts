import { FatalError } from './error-response.js';

/**
 * Which branch a client asks for by the database's name: "app" is the current branch, "app@invoices" the branch
 * "invoices". A database whose own name holds an "@" is no trouble: what stands before is compared as a whole.
 *
 * @param database the target's
 * @returns null: the current branch
 * @throws FatalError 3D000, as PostgreSQL for a database that is not there
 */
export function branchOfDatabaseName(name: string, database: string): string | null {
  if (name === database) return null;
  const prefix = `${database}@`;
  if (name.startsWith(prefix) && name.length > prefix.length) return name.slice(prefix.length);
  throw new FatalError({
    sqlState: '3D000',
    message: `database "${name}" does not exist`,
    hint: `This gateway leads to "${database}" (the current branch) and to "${database}@BRANCH" for one branch; \`belay branch list\` names them.`,
  });
}
