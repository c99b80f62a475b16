import { type Attributes, parseDefinition } from '../definition.js';
import type { SchemaModel, SchemaObject } from '../schema-model.js';

/** An object of a model with its attributes read. */
export class KnownObject {
  readonly kind: string;
  readonly name: string;
  readonly attributes: Attributes;

  constructor({ kind, name }: Pick<SchemaObject, 'kind' | 'name'>, attributes: Attributes) {
    this.kind = kind;
    this.name = name;
    this.attributes = attributes;
  }

  /** The value of an attribute that is one text; undefined: it has its default. */
  text(key: string): string | undefined {
    const value = this.attributes[key];
    return typeof value === 'string' ? value : undefined;
  }

  /** The value of an attribute that every object of the kind has. */
  need(key: string): string {
    return this.text(key) ?? '';
  }

  list(key: string): readonly string[] {
    const value = this.attributes[key];
    return value === undefined || typeof value === 'string' ? [] : value;
  }

  has(key: string): boolean {
    return this.attributes[key] !== undefined;
  }

  /** The name of what it is part of: a column's table, a constraint's domain. */
  get on(): string {
    return this.need('on');
  }

  /** Its name within what it is part of. */
  get ownName(): string {
    const { on } = this;
    return on !== '' && this.name.startsWith(`${on}.`) ? this.name.slice(on.length + 1) : this.name;
  }
}

/** Kinds that have columns. */
const relationKinds = [
  'table',
  'foreign table',
  'view',
  'materialized view',
  'composite type',
] as const;

/** The objects of a model, to be found by kind and name. */
export class KnownSchema {
  readonly objects: readonly KnownObject[];
  readonly #byKey = new Map<string, KnownObject>();
  readonly #parts = new Map<string, KnownObject[]>();

  constructor({ objects }: Pick<SchemaModel, 'objects'>) {
    this.objects = objects.map(
      (object) => new KnownObject(object, parseDefinition(object.definition)),
    );
    for (const object of this.objects) {
      this.#byKey.set(`${object.kind}\0${object.name}`, object);
      const holder = object.text('on') ?? (object.kind === 'sequence' && object.text('owned by'));
      if (!holder) continue;
      const key = `${object.kind}\0${holder}`;
      const parts = this.#parts.get(key);
      if (parts) parts.push(object);
      else this.#parts.set(key, [object]);
    }
  }

  find(kind: string, name: string): KnownObject | undefined {
    return this.#byKey.get(`${kind}\0${name}`);
  }

  /** What is part of a relation, domain or column: its columns, its constraints, its sequence, … */
  partsOf(kind: string, holder: string): readonly KnownObject[] {
    return this.#parts.get(`${kind}\0${holder}`) ?? [];
  }

  /** The table, view, … of this name. */
  relation(name: string): KnownObject | undefined {
    for (const kind of relationKinds) {
      const found = this.find(kind, name);
      if (found) return found;
    }
    return undefined;
  }

  /** Tables that this one gets columns from, nearest first. */
  parentsOf(table: KnownObject): KnownObject[] {
    const names = table.has('partition of')
      ? [table.need('partition of')]
      : [...table.list('inherits')];
    return names.flatMap((name) => {
      const parent = this.relation(name);
      return parent ? [parent] : [];
    });
  }

  /** The column that a table gets from its parents or its type; undefined: its own. */
  inheritedColumn(table: KnownObject, ownName: string): KnownObject | undefined {
    for (const parent of this.parentsOf(table)) {
      const found = this.find('column', `${parent.name}.${ownName}`);
      if (found) return found;
    }
    const type = table.text('of type');
    return type === undefined ? undefined : this.find('column', `${type}.${ownName}`);
  }
}
