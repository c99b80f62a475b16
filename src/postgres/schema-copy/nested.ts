import type { Session } from '../session.js';

/** Runs work in a transaction that is always taken back: what it changed was never there for others. */
export async function takenBack<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.execute('BEGIN', 'beginning a transaction');
  try {
    return await work();
  } finally {
    // With the connection gone the server does it.
    await session.execute('ROLLBACK', 'taking the changes back').catch(() => {});
  }
}

/** Runs work in a transaction so that its failure does not take along what was done before it. */
export async function nested<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const doing = 'setting a savepoint';
  await session.execute('SAVEPOINT belay_nested', doing);
  try {
    const result = await work();
    await session.execute('RELEASE belay_nested', doing);
    return result;
  } catch (error) {
    await session.execute('ROLLBACK TO belay_nested; RELEASE belay_nested', doing).catch(() => {});
    throw error;
  }
}
