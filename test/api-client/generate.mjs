/**
 * Writes the types of an API's document: `node generate.mjs openapi.json api.ts`. A program of its own, since the generator
 * needs an older TypeScript than the rest of the repository.
 */
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const [documentFile, typesFile] = process.argv.slice(2);
const document = JSON.parse(await readFile(documentFile, 'utf8'));
await writeFile(typesFile, astToString(await openapiTS(document)));
