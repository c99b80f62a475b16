/** SQL of a file for psql, with blanks in place of what is not SQL: lines stay what they were. */
export interface SqlPart {
  readonly kind: 'sql';
  readonly sql: string;
  readonly line: number;
}

/** Another file that is read at this place. */
export interface IncludePart {
  readonly kind: 'include';
  readonly path: string;
  /** To the file that names it, not to the working directory. */
  readonly isRelative: boolean;
  readonly line: number;
}

/** Something in a file that is not looked at, or not as it would run. */
export interface PsqlNote {
  readonly line: number;
  readonly text: string;
  /** It may change data. */
  readonly isUnseen: boolean;
}

/** `COPY … FROM stdin` with its data. */
export interface CopiedData {
  /** Of the statement's end. */
  readonly line: number;
  /** Lines of data; in CSV a row may have several. */
  readonly rows: number;
}

export interface PsqlScript {
  readonly parts: readonly (SqlPart | IncludePart)[];
  readonly notes: readonly PsqlNote[];
  readonly copies: readonly CopiedData[];
  /** The data of each of `copies`, as it stands in the file. */
  readonly data: readonly string[];
  /** What only psql itself can run: whoever runs the parts without it would do something else. */
  readonly needsPsql: readonly Omit<PsqlNote, 'isUnseen'>[];
  /** A command that leads to another database: what follows would not be for this one. */
  readonly leaves: PsqlNote | null;
}
