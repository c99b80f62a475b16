import type { Choices } from './choices.js';
import { oddName, quote } from './names.js';

/** What a random schema may use of the server it is made for. */
export interface SchemaPlace {
  /** e.g. 15: what later versions have is left out. */
  readonly major: number;
  /** Names of the extensions that can be created. */
  readonly extensions: readonly string[];
  /** Existing roles that may own things and be granted things. */
  readonly roles: readonly string[];
}

export type TypeFamily =
  | 'int'
  | 'text'
  | 'numeric'
  | 'bool'
  | 'time'
  | 'uuid'
  | 'enum'
  | 'json'
  | 'array'
  | 'range'
  | 'composite'
  | 'other';

export interface TypeUse {
  readonly id: number;
  readonly sql: string;
  readonly family: TypeFamily;
  /** Expressions that give a value of the type. */
  readonly samples: readonly [string, ...string[]];
  /** Made by the schema itself. */
  readonly own?: boolean;
}

export interface Column {
  readonly id: number;
  /** Quoted. */
  readonly name: string;
  readonly type: TypeUse;
  readonly generated?: 'STORED' | 'VIRTUAL' | undefined;
  /** What stands after the name in CREATE TABLE. */
  readonly definition: string;
  /** What a table that is attached later must have as well. */
  readonly core: string;
}

export interface Table {
  readonly id: number;
  readonly schema: string;
  /** Qualified and quoted. */
  readonly name: string;
  readonly columns: Column[];
  readonly role: 'plain' | 'partitioned' | 'partition' | 'child';
  readonly unlogged: boolean;
  readonly parent?: Table | undefined;
  readonly strategy?: 'RANGE' | 'LIST' | 'HASH' | undefined;
  /** Columns with a key that foreign keys may refer to. */
  readonly keys: Column[];
  primaryKey?: Column;
}

/** A view or materialized view. */
export interface View {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly materialized: boolean;
  readonly updatable: boolean;
}

/** A function that expressions may use. */
export interface Routine {
  readonly id: number;
  readonly name: string;
  readonly schema: string;
  /** Types of its arguments. */
  readonly takes: string;
  readonly gives: string;
  readonly immutable: boolean;
}

interface Annotated {
  readonly choices: Choices;
  /** As COMMENT ON and ALTER name it, e.g. `TABLE "a"."b"`. */
  readonly target: string;
  readonly ownable?: boolean;
  /** As GRANT names it, with the privileges that there are. */
  readonly grants?: { readonly on: string; readonly privileges: readonly [string, ...string[]] };
}

/** What exists so far, and the statements that made it. */
export class World {
  readonly place: SchemaPlace;
  readonly statements: string[] = [];
  readonly schemas: { id: number; name: string }[] = [{ id: -1, name: '"public"' }];
  readonly extensions = new Set<string>();
  readonly collations: { id: number; name: string }[] = [{ id: -1, name: '"C"' }];
  readonly types: TypeUse[] = [];
  readonly sequences: { id: number; schema: string; name: string }[] = [];
  readonly tables: Table[] = [];
  readonly views: View[] = [];
  readonly functions: Routine[] = [];
  readonly triggerFunctions: Routine[] = [];
  readonly annotated: Annotated[] = [];
  readonly #taken = new Set<string>();

  constructor(place: SchemaPlace) {
    this.place = place;
  }

  run(sql: string): void {
    this.statements.push(sql.trim());
  }

  /** Whether something of which there can be one was not there yet. */
  claim(what: string): boolean {
    if (this.#taken.has(what)) return false;
    this.#taken.add(what);
    return true;
  }

  schemaFor(choices: Choices): string {
    return choices.reference('schema', this.schemas)?.name ?? '"public"';
  }

  /** A qualified name that nothing has; tables, types, routines and the rest share one space of names. */
  nameFor(choices: Choices, beginning: string): { schema: string; name: string } {
    const schema = this.schemaFor(choices);
    // Not the number itself, so that the same name is there in several schemas.
    const short = choices.id % 40;
    const name = oddName(beginning, short);
    const unique = this.claim(`${schema}.${name}`) ? name : oddName(beginning, choices.id + 1000);
    return { schema, name: `${schema}.${quote(unique)}` };
  }

  annotate(annotated: Annotated): void {
    this.annotated.push(annotated);
  }

  role(choices: Choices, label: string): string {
    const { roles } = this.place;
    return quote(roles[choices.number(label, roles.length)] ?? 'postgres');
  }
}
