import { Component, type ReactNode } from 'react';
import { ApiError } from './api';
import { Page } from './parts/page';
import { ErrorState } from './parts/states';

interface State {
  readonly error: Error | null;
}

/** Keeps a fault of one page from taking the others with it. A part of the page that could not be loaded comes here too. */
export class PageBoundary extends Component<{ readonly children: ReactNode }, State> {
  override readonly state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    const isUnloaded = /import|fetch|module/i.test(error.message) && !(error instanceof ApiError);
    const shown = isUnloaded
      ? new ApiError({
          code: 'OFFLINE',
          message: 'This part of the page could not be loaded.',
          hint: 'The server may be away, or was upgraded meanwhile: load the page again.',
        })
      : error;
    return (
      <Page title="This page has failed">
        <ErrorState error={shown} onRetry={() => window.location.reload()} />
      </Page>
    );
  }
}
