import path from 'node:path';
import { parseDuration } from '../../domain/duration.js';
import type { RehearseOptions } from '../../features/rehearsal/rehearse.js';
import type { JobWork } from './job-work.js';

/** What the configuration says a rehearsal may do and take. */
export function rehearsalLimits({
  config,
  configFolder,
}: Pick<JobWork, 'config' | 'configFolder'>): Pick<
  RehearseOptions,
  'timeoutMs' | 'probes' | 'thresholds'
> {
  const { probes, timeout, ...thresholds } = config?.rehearsal ?? {};
  return {
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    // The job's own folder is another one.
    probes: probes === undefined ? undefined : path.resolve(configFolder ?? '.', probes),
    thresholds,
  };
}
