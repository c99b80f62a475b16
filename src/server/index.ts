export type { Access, NewPerson, NewToken, Person, Token } from './access/access.js';
export { withAccess } from './access/with-access.js';
export { type BelayServer, type ServeOptions, startBelayServer } from './start.js';
