import { BelayError } from '../errors.js';

/** One column as a Relation message names it. */
export interface PgOutputColumn {
  readonly name: string;
  /** Part of the replica identity: old rows have its value. */
  readonly isIdentity: boolean;
}

/** A table as it was when the changes that follow were made. */
export interface PgOutputRelation {
  readonly kind: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** As pg_class.relreplident: "d", "n", "f" or "i". */
  readonly identity: string;
  readonly columns: readonly PgOutputColumn[];
}

/** Values in the order of the relation's columns; undefined: stored out of line, not changed and not sent. */
export type PgOutputTuple = readonly (string | null | undefined)[];

/** A message of the plugin pgoutput, protocol version 1. LSNs are byte positions in the WAL. */
export type PgOutputMessage =
  | PgOutputRelation
  | { readonly kind: 'begin'; readonly xid: number }
  | { readonly kind: 'commit'; readonly endLsn: bigint }
  | { readonly kind: 'insert'; readonly oid: number; readonly row: PgOutputTuple }
  | {
      readonly kind: 'update';
      readonly oid: number;
      /** The identity's columns where they changed; the whole old row with REPLICA IDENTITY FULL. */
      readonly old: PgOutputTuple | null;
      readonly row: PgOutputTuple;
    }
  | { readonly kind: 'delete'; readonly oid: number; readonly old: PgOutputTuple }
  | { readonly kind: 'truncate'; readonly oids: readonly number[] }
  /** Types, origins and messages of applications say nothing about rows. */
  | { readonly kind: 'other' };

/**
 * Decodes one message of pgoutput.
 * @param bytes in UTF-8, as a session with that client_encoding gets them
 * @throws BelayError DATABASE_ERROR for bytes that are no whole message of protocol version 1
 */
export function decodePgOutput(bytes: Buffer): PgOutputMessage {
  const reader = new MessageReader(bytes);
  const tag = reader.tag();
  const decode = decoders[tag];
  if (!decode) throw damaged(`it begins with "${tag}", which protocol version 1 does not have`);
  const message = decode(reader);
  reader.end();
  return message;
}

const decoders: Readonly<Record<string, (reader: MessageReader) => PgOutputMessage>> = {
  B: (reader) => {
    reader.skip(16);
    return { kind: 'begin', xid: reader.oid() };
  },
  C: (reader) => {
    reader.skip(9);
    const endLsn = reader.lsn();
    reader.skip(8);
    return { kind: 'commit', endLsn };
  },
  R: decodeRelation,
  I: (reader) => {
    const oid = reader.oid();
    reader.expect('N');
    return { kind: 'insert', oid, row: reader.tuple() };
  },
  U: (reader) => {
    const oid = reader.oid();
    const first = reader.tag();
    if (first === 'N') return { kind: 'update', oid, old: null, row: reader.tuple() };
    checkOld(first);
    const old = reader.tuple();
    reader.expect('N');
    return { kind: 'update', oid, old, row: reader.tuple() };
  },
  D: (reader) => {
    const oid = reader.oid();
    checkOld(reader.tag());
    return { kind: 'delete', oid, old: reader.tuple() };
  },
  T: (reader) => {
    const count = reader.oid();
    reader.skip(1);
    const oids: number[] = [];
    while (oids.length < count) oids.push(reader.oid());
    return { kind: 'truncate', oids };
  },
  Y: skipRest,
  O: skipRest,
  M: skipRest,
};

function skipRest(reader: MessageReader): PgOutputMessage {
  reader.skipAll();
  return { kind: 'other' };
}

function decodeRelation(reader: MessageReader): PgOutputMessage {
  const oid = reader.oid();
  const schema = reader.text();
  const name = reader.text();
  const identity = reader.tag();
  const count = reader.count();
  const columns: PgOutputColumn[] = [];
  while (columns.length < count) {
    const isIdentity = (reader.byte() & 1) === 1;
    columns.push({ name: reader.text(), isIdentity });
    reader.skip(8);
  }
  // The server leaves pg_catalog out to save space.
  return { kind: 'relation', oid, schema: schema || 'pg_catalog', name, identity, columns };
}

/** "K": the identity's columns, "O": the whole old row. */
function checkOld(tag: string): void {
  if (tag !== 'K' && tag !== 'O') throw damaged(`an old row is announced by "${tag}"`);
}

function damaged(why: string): BelayError {
  return new BelayError('DATABASE_ERROR', `a message of the replication slot is damaged: ${why}`, {
    hint: 'Is the output plugin of the slot really pgoutput of PostgreSQL 14 to 18? Abort the shadow and create it again.',
  });
}

/** Reads big-endian values one after another, and never beyond the end. */
class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @returns where the next bytes begin */
  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || at + length > this.#bytes.length) {
      throw damaged(`it ends after ${this.#bytes.length} bytes, in the middle`);
    }
    this.#at = at + length;
    return at;
  }

  skip(length: number): void {
    this.#take(length);
  }

  skipAll(): void {
    this.#at = this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  tag(): string {
    return String.fromCharCode(this.byte());
  }

  expect(tag: string): void {
    const found = this.tag();
    if (found !== tag) throw damaged(`"${found}" stands where "${tag}" must`);
  }

  count(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  oid(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  lsn(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw damaged('a name in it has no end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  tuple(): PgOutputTuple {
    const count = this.count();
    const values: (string | null | undefined)[] = [];
    while (values.length < count) values.push(this.#value());
    return values;
  }

  #value(): string | null | undefined {
    const kind = this.tag();
    if (kind === 'n') return null;
    if (kind === 'u') return undefined;
    if (kind !== 't') throw damaged(`a value is of the kind "${kind}"`);
    const length = this.oid();
    const at = this.#take(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw damaged(`${left} bytes are left over`);
  }
}
