/** JSON Schema as the API's document has it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/** One method of one path, as the document describes it. */
export interface ApiOperation {
  /** Upper case. */
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  /** "open", "any", "agent", or a scope. */
  readonly scope: string;
  readonly parameters: readonly ApiParameter[];
  readonly body: JsonSchema | undefined;
  /** Schema of the answer by status, and by "default"; undefined: it has no body, or none in JSON. */
  readonly answers: Readonly<
    Record<string, { readonly contentType: string; readonly schema: JsonSchema } | undefined>
  >;
  /** It takes `Prefer: respond-async`. */
  readonly beginsJob: boolean;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

/** Everything that can be called, as the document says it. */
export function operationsOf(document: ApiDocument): ApiOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation ? [readOperation(method, path, operation)] : [];
    }),
  );
}

function readOperation(
  method: string,
  path: string,
  operation: Record<string, unknown>,
): ApiOperation {
  const {
    responses = {},
    parameters = [],
    requestBody,
  } = operation as {
    responses?: Record<string, { content?: Content }>;
    parameters?: ApiParameter[];
    requestBody?: { content: Content };
  };
  const answers = Object.entries(responses).map(([status, { content = {} }]) => {
    const [contentType, media] = Object.entries(content)[0] ?? [];
    const schema = media?.schema;
    return [status, contentType && schema ? { contentType, schema } : undefined] as const;
  });
  return {
    ...{ method: method.toUpperCase(), path, parameters },
    scope: String(operation['x-belay-scope']),
    body: requestBody?.content['application/json']?.schema,
    answers: Object.fromEntries(answers),
    beginsJob: parameters.some(({ name }) => name === 'Prefer'),
  };
}

/** "POST /api/checkpoint". */
export function nameOf({ method, path }: Pick<ApiOperation, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

/** Follows `$ref` into the document's components. */
export function resolveSchema(document: ApiDocument, schema: JsonSchema): JsonSchema {
  const reference = schema.$ref;
  if (typeof reference !== 'string') return schema;
  const name = reference.replace('#/components/schemas/', '');
  const found = document.components.schemas[name];
  if (!found) throw new Error(`the document has no ${reference}`);
  return resolveSchema(document, found);
}

/** The path with its parameters filled in, each percent-encoded. */
export function fillPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(values[name] ?? 'none'),
  );
}
