import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenStream, MessageReader } from '../../../src/gateway/message-reader.js';
import { message } from '../../../src/gateway/protocol.js';

/** Collects what it is shown; stops in front of a message of type 90. */
class Collector extends MessageReader {
  readonly seen: [number, string | undefined][] = [];
  isStopping = false;

  constructor(keepBytes = 1_000) {
    super([65, 66], keepBytes);
  }

  protected override mayBegin(type: number): boolean {
    return !(this.isStopping && type === 90);
  }

  protected override onMessage(
    type: number,
    buffer: Buffer | undefined,
    start: number,
    end: number,
  ) {
    this.seen.push([type, buffer?.toString('hex', start, end)]);
  }
}

const messages = fc.array(
  fc.record({
    type: fc.constantFrom(65, 66, 67, 68, 90),
    body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 12 },
);

/** The stream in pieces of any size. */
function pieces(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, at) => stream.subarray(from, places[at] ?? stream.length));
}

describe('finding messages in a stream', () => {
  it('finds the same ones however the stream is cut', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ type, body }) => message(type, body)));
        const reader = new Collector();
        for (const piece of pieces(stream, cuts)) expect(reader.read(piece)).toBe(piece.length);
        expect(reader.atBoundary).toBe(true);
        expect(reader.seen).toEqual(
          sent.map(({ type, body }) => [type, type < 67 ? body.toString('hex') : undefined]),
        );
      }),
    );
  });

  it('stops exactly in front of a message that has to wait, and goes on there', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ type, body }) => message(type, body)));
        const reader = new Collector();
        reader.isStopping = true;
        const passed: Buffer[] = [];
        const held: Buffer[] = [];
        for (const piece of pieces(stream, cuts)) {
          const read = held.length > 0 ? 0 : reader.read(piece);
          passed.push(piece.subarray(0, read));
          if (read < piece.length) held.push(piece.subarray(read));
        }
        const first = sent.findIndex(({ type }) => type === 90);
        const before = first === -1 ? sent : sent.slice(0, first);
        const expected = Buffer.concat(before.map(({ type, body }) => message(type, body)));
        expect(Buffer.concat(passed).equals(expected)).toBe(true);
        expect(reader.atBoundary).toBe(true);
        reader.isStopping = false;
        for (const piece of held) reader.read(piece);
        expect(reader.seen).toHaveLength(sent.length);
        expect(Buffer.concat([...passed, ...held]).equals(stream)).toBe(true);
      }),
    );
  });

  it('keeps no body that is longer than it shall keep', () => {
    const reader = new Collector(10);
    const stream = message(65, Buffer.alloc(11));
    reader.read(stream.subarray(0, 8));
    reader.read(stream.subarray(8));
    expect(reader.seen).toEqual([[65, undefined]]);
  });

  it.each([3, -1, 0x7fff_ffff])('refuses a message that claims %i bytes', (length) => {
    const stream = Buffer.alloc(20, 65);
    stream.writeInt32BE(length, 1);
    expect(() => new Collector().read(stream)).toThrow(BrokenStream);
    const cut = new Collector();
    cut.read(stream.subarray(0, 3));
    expect(() => cut.read(stream.subarray(3))).toThrow(BrokenStream);
  });
});
