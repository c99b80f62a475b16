import { Link } from 'wouter';
import { timelineAddress } from '../addresses';

/** Where one is: above the heading of a page about a database. */
export function BackTo({ database }: { readonly database: string }) {
  return (
    <>
      <Link href="/">Databases</Link> / <Link href={timelineAddress(database)}>{database}</Link>
    </>
  );
}
