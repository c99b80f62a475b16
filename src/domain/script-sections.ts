/** A part of a file, from its marker to the next. */
export interface ScriptSection {
  /** The line with the marker, for what is said on it; empty for a file without one. */
  readonly marker: string;
  /** Line of the file on which `sql` begins, from 1. */
  readonly line: number;
  /** With its marker, which is a comment. */
  readonly sql: string;
}

export interface ScriptSections {
  readonly up: ScriptSection | undefined;
  readonly down: ScriptSection | undefined;
}

export interface SectionMarkers {
  /** Finds the line that begins the way up; multi-line, without the flag `g`. */
  readonly up: RegExp;
  readonly down: RegExp;
}

/**
 * Splits a file that holds the way up and the way down, in either order, each after the comment that begins it.
 * @param markers as in the files of one tool
 */
export function splitSections(text: string, markers: SectionMarkers): ScriptSections {
  const at = { up: startOf(text, markers.up), down: startOf(text, markers.down) };
  const section = (start: number | undefined, other: number | undefined) => {
    if (start === undefined) return undefined;
    const sql = text.slice(start, other !== undefined && other > start ? other : undefined);
    const line = text.slice(0, start).split('\n').length;
    return { marker: sql.split(/\r?\n/, 1)[0] ?? '', line, sql };
  };
  return { up: section(at.up, at.down), down: section(at.down, at.up) };
}

/** Where the line begins that a marker stands on; a pattern may also match blank lines before it. */
function startOf(text: string, marker: RegExp): number | undefined {
  const match = marker.exec(text);
  if (!match) return undefined;
  const blank = /^\s*/.exec(match[0])?.[0] ?? '';
  return text.lastIndexOf('\n', match.index + blank.length - 1) + 1;
}
