import { describe, expect, it } from 'vitest';
import { recordingTime } from '../../src/domain/recording-time.js';
import { sampleRecord } from '../support/sample-records.js';

const now = new Date('2026-11-20T12:00:00.000Z');

describe('recordingTime', () => {
  it('is now where everything recorded is older', () => {
    expect(recordingTime([], now)).toBe(now.toISOString());
    const older = sampleRecord({ snapshot: { createdAt: '2026-11-20T11:59:59.999Z' } });
    expect(recordingTime([older], now)).toBe(now.toISOString());
  });

  it('is later than what was recorded at the same moment, or by a clock that was ahead', () => {
    const same = sampleRecord({ snapshot: { createdAt: now.toISOString() } });
    expect(recordingTime([same], now)).toBe('2026-11-20T12:00:00.001Z');
    const ahead = sampleRecord({ snapshot: { createdAt: '2026-11-20T13:00:00.000Z' } });
    expect(recordingTime([ahead, same], now)).toBe('2026-11-20T13:00:00.001Z');
  });

  it('is later than the restores, too', () => {
    const restored = sampleRecord({
      snapshot: { createdAt: '2026-11-20T10:00:00.000Z' },
      restoredAs: [{ oid: 5, at: '2026-11-20T14:00:00.000Z', evidence: null }],
    });
    expect(recordingTime([restored], now)).toBe('2026-11-20T14:00:00.001Z');
  });
});
