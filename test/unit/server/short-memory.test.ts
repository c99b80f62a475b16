import { describe, expect, it } from 'vitest';
import { ShortMemory } from '../../../src/server/access/short-memory.js';

const long = 3_600_000;

describe('a short memory', () => {
  it('asks once, however many want to know at the same time', async () => {
    const memory = new ShortMemory<number>(10);
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return { value: asked, goodForMs: long };
    };
    const answers = await Promise.all(Array.from({ length: 50 }, () => memory.read('a', ask)));
    expect(new Set(answers)).toEqual(new Set([1]));
    expect(await memory.read('a', ask)).toBe(1);
    expect(asked).toBe(1);
  });

  it('asks again when the answer is not good any more', async () => {
    const memory = new ShortMemory<string>(10);
    expect(await memory.read('a', async () => ({ value: 'old', goodForMs: 0 }))).toBe('old');
    expect(memory.peek('a')).toBeUndefined();
    expect(await memory.read('a', async () => ({ value: 'new', goodForMs: long }))).toBe('new');
    expect(memory.peek('a')).toBe('new');
  });

  it('does not keep an answer that was under way when something changed', async () => {
    const memory = new ShortMemory<string>(10);
    let answer = (_value: string) => {};
    const asking = memory.read('a', async () => {
      const value = await new Promise<string>((resolve) => {
        answer = resolve;
      });
      return { value, goodForMs: long };
    });
    memory.clear();
    // Whoever asks after the change does not get the old answer either.
    const after = memory.read('a', async () => ({ value: 'after', goodForMs: long }));
    answer('before');
    expect(await asking).toBe('before');
    expect(await after).toBe('after');
    expect(memory.peek('a')).toBe('after');
  });

  it('keeps no more than it may', async () => {
    const memory = new ShortMemory<number>(3);
    for (const key of ['a', 'b', 'c', 'd']) {
      await memory.read(key, async () => ({ value: 1, goodForMs: long }));
    }
    expect(['a', 'b', 'c', 'd'].map((key) => memory.peek(key))).toEqual([undefined, 1, 1, 1]);
  });

  it('asks again after a failure', async () => {
    const memory = new ShortMemory<number>(3);
    const failing = async () => {
      throw new Error('away');
    };
    await expect(memory.read('a', failing)).rejects.toThrow('away');
    expect(await memory.read('a', async () => ({ value: 2, goodForMs: long }))).toBe(2);
  });
});
