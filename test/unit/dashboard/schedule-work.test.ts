import { describe, expect, it } from 'vitest';
import {
  detailProblems,
  scheduledWork,
  scheduleInput,
  scheduleWords,
} from '../../../dashboard/src/parts/schedule-work.js';
import { jobInputs } from '../../../src/contract/job.js';
import { scheduledTypes } from '../../../src/jobs/schedules/schedules.js';

const details = { tag: 'nightly-{date}', days: '30', keepLast: '10' };

describe('what a schedule does', () => {
  it('offers all that the server does by the clock', () => {
    expect(scheduledWork.map(([type]) => type).sort()).toEqual([...scheduledTypes].sort());
    expect(scheduleWords('drill-old')).toBe('Proof');
  });

  it.each(scheduledTypes)('%s has an input that the job takes', (type) => {
    expect(detailProblems(type, details)).toEqual({});
    const input = scheduleInput(type, { ...details, confirm: 'shop' });
    expect(jobInputs[type].safeParse(input).error).toBeUndefined();
  });

  it('asks for a tag that can be there again', () => {
    expect(detailProblems('snapshot', { ...details, tag: '' }).tag).toMatch(/needs a tag/);
    expect(detailProblems('snapshot', { ...details, tag: 'weekly' }).tag).toMatch(/\{date\}/);
    expect(detailProblems('checkpoint', { ...details, tag: '' })).toEqual({});
    expect(detailProblems('checkpoint', { ...details, tag: 'weekly' }).tag).toMatch(/\{date\}/);
  });

  it('asks for numbers', () => {
    expect(detailProblems('prune', { ...details, days: 'x', keepLast: '' })).toEqual({
      days: expect.any(String),
      keepLast: expect.any(String),
    });
    expect(detailProblems('drill-old', { ...details, days: '-1' }).days).toBeDefined();
  });
});
