import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { trimDocument } from '../domain/trimmed-document.js';
import { BelayError, toBelayError } from '../errors.js';

/** Of an answer's JSON: some ten thousand words, more would only crowd out what the assistant is at. */
const mostBytes = 60_000;

/** The library's document as an answer, cut where it is too large, with a note of what was left out. */
export function toAnswer(document: Record<string, unknown>): CallToolResult {
  const trimmed = trimDocument(document, mostBytes);
  if (trimmed.document === null) {
    return toErrorAnswer(
      new BelayError('BAD_REQUEST', 'the answer is too large to be given', {
        hint: 'Ask for a part of it: with a limit, a search, or one object by name.',
      }),
    );
  }
  // As JSON has it: undefined members would not match the schema of the output.
  const structuredContent = JSON.parse(
    JSON.stringify(
      trimmed.leftOut.length === 0
        ? trimmed.document
        : { ...(trimmed.document as object), leftOut: trimmed.leftOut },
    ),
  );
  return {
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
  };
}

/** An error that the assistant can act on: its code, what happened, what to do next. */
export function toErrorAnswer(error: unknown): CallToolResult {
  const { code, kind, message, hint } = toBelayError(error);
  const text = [`${code}: ${message}`, ...(hint ? [`hint: ${hint}`] : [])].join('\n');
  return {
    content: [{ type: 'text', text }],
    isError: true,
    _meta: { 'belay/error': { code, kind, message, ...(hint ? { hint } : {}) } },
  };
}
