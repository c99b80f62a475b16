import { z } from 'zod';

/** An error as the API gives it: RFC 9457 (application/problem+json), with the codes of the command line. */
export const problemSchema = z.object({
  /** A relative reference to the page that documents the code, e.g. "/api/docs#TAG_EXISTS". */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** What happened, to which object. */
  detail: z.string(),
  /** What the command line calls it, e.g. "TAG_EXISTS". */
  code: z.string(),
  kind: z.enum(['user', 'environment', 'bug']),
  /** What to do next. */
  hint: z.string().optional(),
  /** Of the job that failed, where there was one. */
  job: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;
