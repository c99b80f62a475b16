import { quotedName } from '../../quoted-sql.js';

interface SchemaState {
  name: string;
  /** Its name in the live database; null: the script has made it. */
  readonly live: string | null;
}

/** The schemas, and in which of them names are looked up. Temporary tables lie in "pg_temp", wherever the server keeps them. */
export class SearchPath {
  readonly #usual: readonly string[];
  readonly #schemas: SchemaState[];
  #forSession: readonly string[];
  #forTransaction: readonly string[] | undefined;
  #first: readonly string[] = [];

  constructor(usual: readonly string[], schemas: readonly string[]) {
    this.#usual = usual;
    this.#forSession = usual;
    this.#schemas = schemas.map((name) => ({ name, live: name }));
  }

  set(schemas: readonly string[] | null, isLocal: boolean): void {
    if (isLocal) this.#forTransaction = schemas ?? this.#usual;
    else {
      this.#forSession = schemas ?? this.#usual;
      this.#forTransaction = undefined;
    }
  }

  within<T>(schema: string, work: () => T): T {
    this.#first = [schema];
    try {
      return work();
    } finally {
      this.#first = [];
    }
  }

  endTransaction(): void {
    this.#forTransaction = undefined;
  }

  /** Schemas that are there, in order. */
  schemas(): readonly string[] {
    const wanted = [...this.#first, ...(this.#forTransaction ?? this.#forSession)];
    return wanted.filter((name) => name === 'pg_catalog' || this.has(name));
  }

  /** As the live database knows them, for `SET search_path` while counting. */
  liveSql(): string {
    const names = this.schemas().flatMap((name) => {
      const live = name === 'pg_catalog' ? name : this.liveName(name);
      return live === undefined ? [] : [quotedName(live)];
    });
    return names.length > 0 ? names.join(', ') : '""';
  }

  has(name: string): boolean {
    return this.#schemas.some((schema) => schema.name === name);
  }

  liveName(name: string): string | undefined {
    return this.#schemas.find((schema) => schema.name === name)?.live ?? undefined;
  }

  add(name: string): void {
    this.#schemas.push({ name, live: null });
  }

  rename(from: string, to: string): void {
    const schema = this.#schemas.find(({ name }) => name === from);
    if (schema) schema.name = to;
  }

  remove(name: string): void {
    const at = this.#schemas.findIndex((schema) => schema.name === name);
    if (at >= 0) this.#schemas.splice(at, 1);
  }
}

export const isTemporarySchema = (name: string | undefined): boolean =>
  name !== undefined && /^pg_temp(?:_\d+)?$/.test(name);
