import { readClusterState } from '../../process/cluster.js';
import { readPassword } from '../../process/cluster-folder.js';
import {
  type LocalServer,
  type LocalServerPlace,
  localServerPlace,
  localServerUrl,
} from './local-server.js';

/**
 * Says whether Belay's own PostgreSQL runs, and where. Changes nothing; one that was never made is
 * simply not running.
 *
 * @example
 * const { running, url } = await localServerStatus();
 */
export async function localServerStatus(place: LocalServerPlace = {}): Promise<LocalServer> {
  const { folder } = localServerPlace(place);
  const { running, exists, paths, record, port } = await readClusterState(folder);
  const url = running && port !== null ? localServerUrl(port, await readPassword(paths)) : null;
  return {
    url,
    version: exists ? (record?.version ?? null) : null,
    dataDir: paths.dataDir,
    running,
    port,
    source: exists ? (record?.source ?? null) : null,
    logFile: paths.logFile,
    socketDir: running ? (record?.socketDir ?? null) : null,
  };
}
