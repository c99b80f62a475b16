/** A pg_lsn as PostgreSQL prints it, e.g. "16/B374D848", as a number of bytes. */
export function parseLsn(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** As PostgreSQL prints it. */
export function formatLsn(position: bigint): string {
  const hex = (value: bigint) => value.toString(16).toUpperCase();
  return `${hex(position >> 32n)}/${hex(position & 0xffffffffn)}`;
}

/** What a transaction could see: a `pg_snapshot`. */
export interface TransactionSnapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
  /** Those at work between the two. */
  readonly running: ReadonlySet<bigint>;
}

/** @param text as `pg_current_snapshot()` prints it: "xmin:xmax:xid,xid" */
export function parseSnapshot(text: string): TransactionSnapshot {
  const [xmin = '0', xmax = '0', running = ''] = text.split(':');
  const xids = running === '' ? [] : running.split(',');
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(xids.map(BigInt)) };
}

/**
 * Whether a transaction that has committed was visible in a snapshot.
 * @param xid of the top transaction, 32 bits as they are in the WAL; the nearest one to the snapshot is meant
 */
export function wasVisible(snapshot: TransactionSnapshot, xid: number): boolean {
  const distance = BigInt.asIntN(32, BigInt(xid) - snapshot.xmax);
  const full = snapshot.xmax + distance;
  return full < snapshot.xmin || (full < snapshot.xmax && !snapshot.running.has(full));
}
