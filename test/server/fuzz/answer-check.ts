import { z } from 'zod';
import type { ApiDocument, ApiOperation, JsonSchema } from '../../support/api-operations.js';

export interface Answered {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Says what is wrong with an answer, in a sentence; undefined: it is as the document has it. */
export type CheckAnswer = (operation: ApiOperation, answer: Answered) => string | undefined;

/** Holds answers against the document. */
export function answerChecker(document: ApiDocument): CheckAnswer {
  const compiled = new Map<JsonSchema, z.ZodType>();
  const schemaOf = (schema: JsonSchema) => {
    const known = compiled.get(schema) ?? compile(document, schema);
    compiled.set(schema, known);
    return known;
  };
  return (operation, answer) =>
    checkStatus(operation, answer) ?? checkBody(operation, answer, schemaOf);
}

/** What is away or full is no bug; everything else above 499 is one. */
const mayFail = [502, 503];

function checkStatus(operation: ApiOperation, { status, text }: Answered): string | undefined {
  if (status >= 500 && !mayFail.includes(status)) return `${status}: ${text}`;
  const isDeclared = status >= 400 || String(status) in operation.answers;
  return isDeclared ? undefined : `the status ${status} is not in the document`;
}

function checkBody(
  operation: ApiOperation,
  { status, contentType, text }: Answered,
  schemaOf: (schema: JsonSchema) => z.ZodType,
): string | undefined {
  const own = operation.answers[String(status)];
  const expected = own ?? (status < 400 ? undefined : operation.answers.default);
  if (!expected) return text === '' ? undefined : `${status} has a body where none is declared`;
  if (!contentType.startsWith(expected.contentType)) {
    return `${status} is ${contentType || 'of no type'} and not ${expected.contentType}`;
  }
  if (!expected.contentType.endsWith('json')) return undefined;
  const result = schemaOf(expected.schema).safeParse(JSON.parse(text));
  const issue = result.error?.issues[0];
  return issue && `the ${status} is not as declared: ${issue.path.join('.')}: ${issue.message}`;
}

function compile(document: ApiDocument, schema: JsonSchema): z.ZodType {
  const definitions = { ...document.components.schemas };
  const local = JSON.stringify({ ...schema, $defs: definitions }).replaceAll(
    '#/components/schemas/',
    '#/$defs/',
  );
  return z.fromJSONSchema(JSON.parse(local));
}
