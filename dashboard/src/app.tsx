import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { LiveRegion } from './announce';
import { ApiError } from './api';
import { Layout } from './layout';
import { PageBoundary } from './page-boundary';
import { SignedInAlready, SignInPage } from './pages/sign-in';
import { Page } from './parts/page';
import { EmptyState, ErrorState, Loading } from './parts/states';
import { routes } from './routes';
import { SessionGate } from './session';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // A refusal stays one; only what may be a passing fault is tried again.
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
    },
  },
});

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <LiveRegion />
      <SessionGate
        signIn={<SignInPage />}
        waiting={<Loading />}
        failed={(error, again) => (
          <main className="alone">
            <Page title="Belay">
              <ErrorState error={error} onRetry={again} />
            </Page>
          </main>
        )}
      >
        <Layout>
          <CurrentPage />
        </Layout>
      </SessionGate>
    </QueryClientProvider>
  );
}

function CurrentPage() {
  const [location] = useLocation();
  return (
    <PageBoundary key={location}>
      <Suspense fallback={<Loading />}>
        <Switch>
          {routes.map(({ path, Page: Content }) => (
            <Route key={path} path={path}>
              <Content />
            </Route>
          ))}
          {['/sign-in', '/signin'].map((path) => (
            <Route key={path} path={path}>
              <SignedInAlready />
            </Route>
          ))}
          <Route>
            <Page title="There is no such page">
              <EmptyState title="This address leads nowhere.">
                <p>
                  It may have been mistyped, or what it showed is gone.{' '}
                  <Link href="/">Go to the databases</Link>.
                </p>
              </EmptyState>
            </Page>
          </Route>
        </Switch>
      </Suspense>
    </PageBoundary>
  );
}
