import { type ReactNode, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { timelineAddress } from './addresses';
import { call } from './api';
import { Button } from './parts/button';
import { useDatabases } from './queries';
import { type PageRoute, routes } from './routes';
import { useCan, useSession, useSetSession } from './session';
import { type Theme, themes, useTheme } from './theme';

/** What is around every page: skip link, who one is, navigation. */
export function Layout({ children }: { readonly children: ReactNode }) {
  const [location] = useLocation();
  const [isOpen, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where one goes, the menu has done its work.
  useEffect(() => setOpen(false), [location]);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <img src="/icon.svg" alt="" width="26" height="26" />
          Belay
        </Link>
        <button
          type="button"
          className="button button-quiet menu-button"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
        <Account />
      </header>
      <div className="frame">
        <nav
          id="navigation"
          aria-label="Main"
          className={isOpen ? 'navigation navigation-open' : 'navigation'}
        >
          <Navigation location={location} />
        </nav>
        <main id="content" tabIndex={-1}>
          {children}
        </main>
      </div>
    </>
  );
}

function Account() {
  const { caller } = useSession();
  const setSession = useSetSession();
  const [theme, setTheme] = useTheme();
  const [isBusy, setBusy] = useState(false);
  const signOut = async () => {
    setBusy(true);
    // Signed out on this device even where the server is away: it forgets the session when that runs out.
    await call('DELETE', '/api/session').catch(() => {});
    setSession(null);
  };
  return (
    <div className="account">
      <label className="theme">
        <span className="visually-hidden">Colours</span>
        <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          {themes.map((name) => (
            <option key={name} value={name}>
              {name === 'system' ? 'System colours' : name === 'light' ? 'Light' : 'Dark'}
            </option>
          ))}
        </select>
      </label>
      <span className="account-name" title={`Signed in as ${caller.name}`}>
        <span className="visually-hidden">Signed in as </span>
        {caller.name}
      </span>
      <Button look="quiet" onClick={() => void signOut()} isBusy={isBusy}>
        Sign out
      </Button>
    </div>
  );
}

function Navigation({ location }: { readonly location: string }) {
  const { data: databases = [] } = useDatabases();
  const ofServer = useShownLinks('server');
  return (
    <>
      <ul>
        <li>
          <NavLink href="/" label="Databases" location={location} />
          {databases.length > 0 && (
            <ul>
              {databases.map(({ name }) => (
                <DatabaseLines key={name} name={name} location={location} />
              ))}
            </ul>
          )}
        </li>
      </ul>
      {ofServer.length > 0 && (
        <>
          <p className="navigation-title" id="navigation-server">
            Server
          </p>
          <ul aria-labelledby="navigation-server">
            {ofServer.map(({ path, link }) => (
              <li key={path}>
                <NavLink href={path} label={link?.label ?? path} location={location} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** A database, and its pages where one is at one of them. */
function DatabaseLines({ name, location }: { readonly name: string; readonly location: string }) {
  const links = useShownLinks('database');
  const address = timelineAddress(name);
  const isHere = location === address || location.startsWith(`${address}/`);
  if (!isHere) {
    return (
      <li>
        <NavLink href={address} label={name} location={location} />
      </li>
    );
  }
  return (
    <li>
      <span className="navigation-here">{name}</span>
      <ul aria-label={`Pages of ${name}`}>
        {links.map(({ path, link }) => (
          <li key={path}>
            <NavLink
              href={path.replace(':database', encodeURIComponent(name))}
              label={link?.label ?? path}
              location={location}
            />
          </li>
        ))}
      </ul>
    </li>
  );
}

function useShownLinks(place: 'database' | 'server'): readonly PageRoute[] {
  const may = {
    read: useCan('read'),
    checkpoint: useCan('checkpoint'),
    restore: useCan('restore'),
    admin: useCan('admin'),
  };
  return routes.filter(
    ({ link }) => link?.place === place && (link.scope === undefined || may[link.scope]),
  );
}

function NavLink(props: {
  readonly href: string;
  readonly label: string;
  readonly location: string;
}) {
  const isCurrent = props.location === props.href;
  return (
    <Link href={props.href} aria-current={isCurrent ? 'page' : undefined}>
      {props.label}
    </Link>
  );
}
