/** Addresses of pages, so that links cannot go wrong in a spelling. */

const part = encodeURIComponent;

export const timelineAddress = (database: string) => `/db/${part(database)}`;

/** @param reference the snapshot's id, which stays when it is renamed */
export const snapshotAddress = (database: string, reference: string) =>
  `/db/${part(database)}/snapshots/${part(reference)}`;

export const createSnapshotAddress = (database: string) => `/db/${part(database)}/create-snapshot`;

/** @param job left out: nothing is begun yet, the page has the button */
export const backUpAddress = (database: string, job?: string) =>
  `/db/${part(database)}/back-up${job === undefined ? '' : `?job=${part(job)}`}`;

export const restoreAddress = (database: string, reference: string) =>
  `/db/${part(database)}/restore/${part(reference)}`;

export const undoAddress = (database: string, job?: string) =>
  `/db/${part(database)}/undo${job === undefined ? '' : `?job=${part(job)}`}`;
