export { readOwnVersion } from '../config/own-version.js';
