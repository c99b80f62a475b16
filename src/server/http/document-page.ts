import { errorCatalog } from '../../errors.js';
import { statusOf } from './problem.js';

// biome-ignore lint/suspicious/noExplicitAny: a document of OpenAPI, whose parts are many
type Json = any;

/** The page for people: no script, no request but for its own styles. */
export function documentPage(document: Json): string {
  const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  const tags: string[] = document.tags.map(({ name }: Json) => name);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Belay: the API</title><link rel="stylesheet" href="/api/docs.css"></head><body>
<header><h1>Belay ${escaped(document.info.version)}: the API</h1>
<p>${escaped(document.info.description)} The same as <a href="/api/openapi.json">OpenAPI 3.1</a>.</p>
${callingText}
<nav aria-label="Contents"><ul>${tags.map((tag) => `<li><a href="#${anchor(tag)}">${escaped(tag)}</a></li>`).join('')}<li><a href="#errors">Errors</a></li></ul></nav></header>
<main>${tags
    .map(
      (tag) =>
        `<section id="${anchor(tag)}"><h2>${escaped(tag)}</h2>${operations
          .filter((one) => one.tags[0] === tag)
          .map(operationHtml)
          .join('')}</section>`,
    )
    .join('')}
${errorsHtml()}</main></body></html>`;
}

const callingText = `<p>Scripts send <code>Authorization: Bearer TOKEN</code>, with a token of <code>belay token create</code>.
Routes that do work answer when it is done; with <code>Prefer: respond-async</code> they answer 202 with a job at once.
A request with an <code>Idempotency-Key</code> that was used before begins nothing new.</p>
<pre>curl -fsS "$BELAY_SERVER/api/checkpoint" -H "Authorization: Bearer $BELAY_TOKEN" \\
  -H 'Content-Type: application/json' -d '{"database":"prod-api","tag":"pre-deploy-4f3a9c1"}'</pre>`;

function operationHtml(operation: Json): string {
  const { method, path, summary, description, parameters, requestBody, responses } = operation;
  const id = anchor(operation.operationId);
  const body = requestBody?.content['application/json'].schema;
  return `<article id="${id}"><h3><code>${escaped(method.toUpperCase())} ${escaped(path)}</code></h3>
<p>${escaped(summary)}. ${description ? escaped(description) : ''}</p>
<p>Scope: <strong>${escaped(operation['x-belay-scope'])}</strong></p>
${parameters.length > 0 ? `<h4>Parameters</h4><ul>${parameters.map(parameterHtml).join('')}</ul>` : ''}
${body ? `<h4>Body</h4><pre tabindex="0">${escaped(JSON.stringify(body, null, 2))}</pre>` : ''}
<h4>Answers</h4><ul>${Object.entries<Json>(responses)
    .map(
      ([status, answer]) =>
        `<li><code>${escaped(status)}</code> ${escaped(answer.description)}</li>`,
    )
    .join('')}</ul></article>`;
}

function parameterHtml({ name, in: where, required, description, schema }: Json): string {
  const kind = schema.enum ? schema.enum.join(' | ') : (schema.type ?? 'text');
  return `<li><code>${escaped(name)}</code> (${escaped(where)}, ${escaped(kind)}${required ? ', required' : ''}) ${escaped(description ?? '')}</li>`;
}

/** Each code has an anchor: the \`type\` of a problem leads here. */
function errorsHtml(): string {
  const rows = Object.entries(errorCatalog).map(
    ([code, { kind }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${statusOf(code)}</td><td>${kind}</td></tr>`,
  );
  return `<section id="errors"><h2>Errors</h2>
<p>Problems are <code>application/problem+json</code>: <code>code</code>, <code>detail</code> (what happened), <code>hint</code> (what to do next), <code>kind</code> (whose move it is: user, environment, bug), and <code>job</code> where one failed. Codes are those of the command line.</p>
<table><thead><tr><th>code</th><th>status</th><th>whose move</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

const anchor = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: unknown): string =>
  String(text).replaceAll(/[&<>"']/g, (one) => entities[one] as string);

export const documentStyle = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1rem}
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem;max-height:24rem}
article{border-top:1px solid #8886;padding:.5rem 0}h4{margin:.5rem 0}
table{border-collapse:collapse}td,th{padding:.15rem .75rem .15rem 0;text-align:left}
:target{outline:3px solid #c70;outline-offset:2px}
`;
