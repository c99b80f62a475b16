import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { BelayError } from '../errors.js';
import { interruption, throwIfAborted, unlessAborted } from './interruption.js';
import { s3Error } from './s3-errors.js';
import { readFailure, retryCost, type S3Failure } from './s3-failure.js';
import type { S3Location } from './s3-location.js';

/** The SDK's module: slow to load, so only where a store is an S3 bucket. */
export type S3Sdk = typeof import('@aws-sdk/client-s3');

export interface S3Request<T> {
  /** For the error: "cannot <action>". */
  readonly action: string;
  /** What a policy has to allow, for the error. */
  readonly right: string;
  readonly signal?: AbortSignal | undefined;
  send(signal: AbortSignal | undefined, attempt: number): Promise<T>;
  /** Turns a failure into a result; undefined: it is one. */
  recover?(failure: S3Failure, attempt: number): Promise<T | undefined> | T | undefined;
}

export interface S3ConnectionOptions {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
  readonly at: S3Location;
  readonly server: string;
  readonly idleTimeoutMs: number;
}

const attemptBudget = 6;
const firstPauseMs = 250;
const longestPauseMs = 10_000;

/** A bucket's client, and the one place that decides what is tried again. */
export class S3Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
  readonly at: S3Location;
  readonly location: string;
  readonly #options: S3ConnectionOptions;

  constructor(options: S3ConnectionOptions) {
    this.#options = options;
    this.sdk = options.sdk;
    this.client = options.client;
    this.at = options.at;
    this.location = `s3://${options.at.bucket}/${options.at.prefix}`.replace(/\/$/, '');
  }

  /** Bucket and key of an object, as every request needs them. */
  object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.at.bucket, Key: `${this.at.prefix}${key}` };
  }

  /**
   * Makes a request, and again while that may help: at most six times, with growing pauses.
   * @throws BelayError
   */
  async call<T>(request: S3Request<T>): Promise<T> {
    const { signal } = request;
    const startedAt = performance.now();
    let left = attemptBudget;
    for (let attempt = 1; ; attempt += 1) {
      throwIfAborted(signal);
      let failure: S3Failure;
      try {
        return await unlessAborted(request.send(signal, attempt), signal);
      } catch (error) {
        if (signal?.aborted) throw interruption(signal);
        if (error instanceof BelayError) throw error;
        failure = readFailure(error);
      }
      const recovered = await request.recover?.(failure, attempt);
      if (recovered !== undefined) return recovered;
      const cost = retryCost(failure);
      left -= cost ?? attemptBudget;
      if (left <= 0) throw this.explain(failure, request, attempt, performance.now() - startedAt);
      await this.pause(attempt, failure, signal);
    }
  }

  /** Waits before another attempt; not all clients that failed together come back together. */
  async pause(attempt: number, failure: S3Failure, signal: AbortSignal | undefined): Promise<void> {
    const grown = firstPauseMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    const pauseMs = Math.min(Math.max(grown, failure.retryAfterMs ?? 0), longestPauseMs);
    await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => throwIfAborted(signal));
  }

  explain(
    failure: S3Failure,
    request: Pick<S3Request<unknown>, 'action' | 'right'>,
    attempts: number,
    durationMs: number,
  ): BelayError {
    const { server, idleTimeoutMs, at } = this.#options;
    const { action, right } = request;
    return s3Error(failure, {
      ...{ location: this.location, bucket: at.bucket, server, idleTimeoutMs },
      ...{ action, right, attempts, durationMs },
    });
  }
}
