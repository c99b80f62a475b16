import { z } from 'zod';
import { readOwnVersion } from '../../config/own-version.js';
import type { Api } from '../http/api.js';
import { describeApi } from '../http/document.js';
import { documentPage, documentStyle } from '../http/document-page.js';
import { addRoute } from '../http/route.js';

const tag = 'Operations';

/** Added last, but describes itself as well: the document is made when it is first asked for. */
export function addDocumentRoutes(api: Api): void {
  let text: string | undefined;
  let page: string | undefined;
  const describe = () => describeApi(api.routes, readOwnVersion());
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/openapi.json', scope: 'open', tag },
      summary: 'This document, as OpenAPI 3.1',
      answers: { 200: { description: 'The document', schema: z.looseObject({}) } },
    },
    ({ c }) => {
      text ??= JSON.stringify(describe());
      return c.body(text, 200, { 'content-type': 'application/json' });
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/docs', scope: 'open', tag },
      summary: 'This document, for people',
      answers: { 200: { description: 'A page', schema: z.string(), contentType: 'text/html' } },
    },
    ({ c }) => {
      page ??= documentPage(describe());
      return c.html(page);
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/docs.css', scope: 'open', tag },
      summary: 'The looks of that page',
      answers: { 200: { description: 'Styles', schema: z.string(), contentType: 'text/css' } },
    },
    ({ c }) => c.body(documentStyle, 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
}
