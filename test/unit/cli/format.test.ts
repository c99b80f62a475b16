import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatTime,
  formatVersion,
  plural,
} from '../../../src/cli/output/format.js';

describe('quantities for people', () => {
  it.each([
    [0, '0 rows'],
    [1, '1 row'],
    [312_004, '312,004 rows'],
  ])('plural(%i)', (n, text) => {
    expect(plural(n, 'row')).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [84_200_000, '84.2 MB'],
    [3_000_000_000, '3.0 GB'],
    [2.5e15, '2.5 PB'],
    [9e18, '9000.0 PB'],
  ])('formatBytes(%d)', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0.4, '0 ms'],
    [84, '84 ms'],
    [3240, '3.2 s'],
    [60_000, '1 min 0 s'],
    [250_000, '4 min 10 s'],
  ])('formatDuration(%d)', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('formatCount, formatVersion', () => {
    expect(formatCount(1234567)).toBe('1,234,567');
    expect(formatVersion(150018)).toBe('15.18');
    expect(formatVersion(180000)).toBe('18.0');
  });

  it('formatTime is local, to the minute', () => {
    expect(formatTime(new Date(2026, 0, 2, 3, 4, 59).toISOString())).toBe('2026-01-02 03:04');
  });

  it.each([
    [30_000, 'just now'],
    [-5000, 'just now'],
    [5 * 60_000, '5 min ago'],
    [3 * 3_600_000, '3 h ago'],
    [47 * 3_600_000, '47 h ago'],
    [12 * 86_400_000, '12 d ago'],
  ])('formatAge of %i ms', (ageMs, text) => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    expect(formatAge(new Date(now - ageMs).toISOString(), now)).toBe(text);
  });
});
