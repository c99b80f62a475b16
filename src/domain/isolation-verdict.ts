import type { UntouchedProof } from './rehearsal.js';

/** What was found at a target while a command ran on its copy. */
export interface TargetObservation {
  /** For people, as it is named. */
  readonly database: string;
  /** It is gone, or another one has its name. */
  readonly isReplaced: boolean;
  readonly isSchemaChanged: boolean;
  /** Tables were made anew, truncated, or rewritten. */
  readonly areRelationsChanged: boolean;
  readonly areSequencesMoved: boolean;
  /** Rows written; null: the server does not count them, or has lost the counts. */
  readonly rowsWritten: number | null;
  /** Sessions that are certainly the command's, a few words each. */
  readonly commandSessions: readonly string[];
  /** Others that were there when the command began. */
  readonly sessionsBefore: number;
  /** Others that came while it ran and are certainly not the command's. */
  readonly foreignSessions: number;
  /** Others that came while it ran and of which it cannot be told. */
  readonly unknownSessions: number;
  /** Sessions that the server has counted and that were too short to be seen; null: not counted. */
  readonly unseenSessions: number | null;
  /** Workers of extensions or subscriptions that were there. */
  readonly workers: number;
  /** Looks at the sessions, and how many of them failed. */
  readonly looks: number;
  readonly failedLooks: number;
  /** Between two looks, in milliseconds. */
  readonly intervalMs: number;
}

/**
 * Whether a target was left alone, and why it is believed. A session of the command's, another schema, or rows that
 * nobody else can have written mean that it was touched; where others work on it too, nothing can be proven.
 */
export function judgeTarget(observation: TargetObservation): UntouchedProof {
  return { status: statusOf(observation), evidence: evidenceOf(observation) };
}

function statusOf(seen: TargetObservation): UntouchedProof['status'] {
  const { commandSessions, unknownSessions, foreignSessions, sessionsBefore, workers } = seen;
  if (commandSessions.length > 0 || seen.isReplaced || seen.isSchemaChanged) return 'touched';
  const hasChanged =
    seen.areRelationsChanged || seen.areSequencesMoved || (seen.rowsWritten ?? 0) > 0;
  const others = sessionsBefore + foreignSessions + workers;
  // Whoever cannot be told from the command is no excuse for it.
  if (hasChanged && others === 0) return 'touched';
  const isKnown = seen.rowsWritten !== null && seen.failedLooks === 0;
  const isAlone = others + unknownSessions === 0 && seen.unseenSessions === 0;
  return !hasChanged && isAlone && isKnown ? 'proven' : 'others-only';
}

function evidenceOf(seen: TargetObservation): string[] {
  return [...changesOf(seen), ...sessionsOf(seen), ...limitsOf(seen)];
}

function changesOf(seen: TargetObservation): string[] {
  const { database, rowsWritten } = seen;
  if (seen.isReplaced) return [`Database "${database}" is gone, or another one has its name.`];
  return [
    seen.isSchemaChanged
      ? `The schema of "${database}" is another one now.`
      : `The schema of "${database}" has the same checksum as before.`,
    ...(seen.areRelationsChanged && !seen.isSchemaChanged
      ? ['Tables of it were truncated, rewritten or made anew.']
      : []),
    ...(seen.areSequencesMoved ? ['Sequences of it were moved.'] : []),
    ...(rowsWritten === null ? [] : [rowsSentence(rowsWritten)]),
  ];
}

function rowsSentence(rows: number): string {
  if (rows === 0) return 'No row of its tables was inserted, updated or deleted.';
  return `${count(rows, 'row')} of its tables ${rows === 1 ? 'was' : 'were'} inserted, updated or deleted.`;
}

function sessionsOf(seen: TargetObservation): string[] {
  const { commandSessions, sessionsBefore, foreignSessions, unknownSessions, workers } = seen;
  const unseen = seen.unseenSessions ?? 0;
  const sentences = [
    ...commandSessions.map((session) => `The command was connected to it: ${session}.`),
    ...(sessionsBefore > 0 ? [`${count(sessionsBefore, 'session')} of others when it began.`] : []),
    ...(foreignSessions > 0
      ? [`${count(foreignSessions, 'session')} of other programs came meanwhile.`]
      : []),
    ...(unknownSessions > 0
      ? [
          `${count(unknownSessions, 'session')} came meanwhile; nothing says that ${unknownSessions === 1 ? 'it was' : 'they were'} the command’s, or that ${unknownSessions === 1 ? 'it was' : 'they were'} not.`,
        ]
      : []),
    ...(unseen > 0
      ? [`${count(unseen, 'session')} came and went too quickly to be seen; the server counted.`]
      : []),
    ...(workers > 0 ? [`${count(workers, 'worker')} of the server itself worked there.`] : []),
  ];
  if (sentences.length > 0) return sentences;
  return seen.unseenSessions === null
    ? ['No session was seen in it.']
    : ['No session was begun in it meanwhile: the server counts them.'];
}

function limitsOf({
  rowsWritten,
  unseenSessions,
  looks,
  failedLooks,
  intervalMs,
}: TargetObservation): string[] {
  return [
    `Its sessions were looked at ${looks} times, every ${Math.round(intervalMs)} ms.`,
    ...(failedLooks > 0
      ? [`${count(failedLooks, 'look')} failed: what happened then is not known.`]
      : []),
    ...(rowsWritten === null
      ? ['The server does not count rows that are written, or has lost its statistics meanwhile.']
      : []),
    ...(unseenSessions === null ? ['The server has not counted its sessions.'] : []),
  ];
}

const count = (number: number, noun: string) =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
