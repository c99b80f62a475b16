/**
 * The table of contents at the head of a pg_dump file in the custom format, read from its bytes. `pg_restore --list`
 * prints the same, but names with blanks and line breaks cannot be told apart there, and it prints no column lists.
 */

/** One object of a dump. */
export interface ContentsEntry {
  readonly dumpId: number;
  /** e.g. "TABLE", "INDEX", "FK CONSTRAINT", "TABLE DATA". */
  readonly kind: string;
  /** Empty for what belongs to no schema. */
  readonly schema: string;
  /** Its name; with the table's before it for what belongs to one, e.g. "orders orders_pkey". */
  readonly tag: string;
  /** When it is restored. What has none of its own, such as a comment or grants, goes with what it stands behind. */
  readonly section: 'pre-data' | 'data' | 'post-data';
  readonly owner: string;
  /** Empty for the database's own. */
  readonly tablespace: string;
  /** SQL that makes it. */
  readonly definition: string;
  /** `COPY … FROM stdin;` of a table's data; empty where the data are INSERT statements or none. */
  readonly copyStatement: string;
  /** Dump ids of the objects that it needs. */
  readonly needs: readonly number[];
}

export interface TableOfContents {
  /** PostgreSQL's name of the encoding of texts and data, e.g. "UTF8". Names are decoded where it is that. */
  readonly encoding: string;
  /** e.g. "15.18 (Debian 15.18-0+deb12u1)". */
  readonly serverVersion: string;
  readonly entries: readonly ContentsEntry[];
  /** The oldest PostgreSQL whose pg_restore knows the format. */
  readonly oldestReader: number;
  /** Of the head, which is all that pg_restore reads for the schema. */
  readonly sizeBytes: number;
}

/** What the beginning of a file turned out to be. */
export type ParsedContents =
  | { readonly type: 'contents'; readonly contents: TableOfContents }
  /** More bytes are needed. */
  | { readonly type: 'incomplete' }
  | { readonly type: 'foreign'; readonly why: string };

const firstReaders: Readonly<Record<number, number>> = { 14: 12, 15: 16, 16: 17 };

const magic = 'PGDMP';
const customFormat = 1;
const oldestFormat = 14;
/** 1.16 is what PostgreSQL 17 and 18 write. */
const newestFormat = 16;

class Incomplete extends Error {}
class Foreign extends Error {}

class Reader {
  at = 0;
  intBytes = 4;
  offsetBytes = 8;
  /** The entry that names the encoding is the first. */
  encoding = 'UTF8';
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Incomplete();
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  ascii(length: number): string {
    return this.#take(length).toString('latin1');
  }

  /** A sign byte, then the bytes of the number, the lowest first. */
  int(): number {
    const negative = this.byte() !== 0;
    let value = 0;
    for (const [place, byte] of this.#take(this.intBytes).entries()) value += byte * 256 ** place;
    return negative ? -value : value;
  }

  /** Its length, then its bytes; a negative length is NULL. */
  text(): string | null {
    const length = this.int();
    if (length < 0) return null;
    return this.#take(length).toString(this.encoding === 'UTF8' ? 'utf8' : 'latin1');
  }

  skipOffset(): void {
    this.#take(1 + this.offsetBytes);
  }
}

function readHead(reader: Reader): { minor: number; serverVersion: string } {
  if (reader.ascii(magic.length) !== magic) throw new Foreign('it does not begin as one');
  const [major, minor] = [reader.byte(), reader.byte()];
  reader.byte();
  if (major !== 1 || minor < oldestFormat || minor > newestFormat) {
    throw new Foreign(`its format ${major}.${minor} is not one of PostgreSQL 12 to 18`);
  }
  reader.intBytes = reader.byte();
  reader.offsetBytes = reader.byte();
  if (reader.byte() !== customFormat) throw new Foreign('it is not in the custom format');
  // The level of compression until 1.14, since then its method.
  if (minor >= 15) reader.byte();
  else reader.int();
  // When it was made: second to year, and whether summer time was in effect.
  for (let part = 0; part < 7; part += 1) reader.int();
  reader.text();
  const serverVersion = reader.text() ?? '';
  reader.text();
  return { minor, serverVersion };
}

/** By their numbers; 1 is none of its own. */
const sections: Readonly<Record<number, ContentsEntry['section']>> = {
  2: 'pre-data',
  3: 'data',
  4: 'post-data',
};

function readEntry(reader: Reader, minor: number, before: ContentsEntry['section']): ContentsEntry {
  const dumpId = reader.int();
  reader.int();
  reader.text();
  reader.text();
  const tag = reader.text() ?? '';
  const kind = reader.text() ?? '';
  const section = sections[reader.int()] ?? before;
  const definition = reader.text() ?? '';
  reader.text();
  const copyStatement = reader.text() ?? '';
  const schema = reader.text() ?? '';
  const tablespace = reader.text() ?? '';
  // The access method, and since 1.16 the kind of relation.
  reader.text();
  if (minor >= 16) reader.int();
  const owner = reader.text() ?? '';
  reader.text();
  const needs: number[] = [];
  for (let id = reader.text(); id !== null; id = reader.text()) needs.push(Number(id));
  reader.skipOffset();
  return {
    dumpId,
    kind,
    schema,
    tag,
    section,
    owner,
    tablespace,
    definition,
    copyStatement,
    needs,
  };
}

/** From `SET client_encoding = '…';`. */
function encodingOf({ definition }: ContentsEntry): string {
  return /'([^']+)'/.exec(definition)?.[1] ?? 'UTF8';
}

/** Reads the head of a file, as far as `bytes` have it. Never throws. */
export function parseTableOfContents(bytes: Buffer): ParsedContents {
  const reader = new Reader(bytes);
  try {
    const { minor, serverVersion } = readHead(reader);
    const count = reader.int();
    const entries: ContentsEntry[] = [];
    while (entries.length < count) {
      const entry = readEntry(reader, minor, entries.at(-1)?.section ?? 'pre-data');
      entries.push(entry);
      if (entry.kind === 'ENCODING') reader.encoding = encodingOf(entry);
    }
    const { encoding, at: sizeBytes } = reader;
    const oldestReader = firstReaders[minor] ?? 0;
    const contents = { encoding, serverVersion, entries, oldestReader, sizeBytes };
    return { type: 'contents', contents };
  } catch (error) {
    if (error instanceof Incomplete) return { type: 'incomplete' };
    if (error instanceof Foreign) return { type: 'foreign', why: error.message };
    throw error;
  }
}
