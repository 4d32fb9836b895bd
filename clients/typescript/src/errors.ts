/** The errors of the client. Each one is a {@link SecretaryError}. */

import type { Job } from "./types.js";

/** Any error of this package, except an abort by the caller's own signal. */
export class SecretaryError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** One refused field of a request. */
export interface RefusedField {
  /** The path of the field, for example `parameters.language`. */
  field: string;
  message: string;
}

/** The API answered with an error. */
export class ApiError extends SecretaryError {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** Stable, for example `VALIDATION_ERROR`; `UNKNOWN` if the answer is not one of the API. */
    readonly code: string,
    message: string,
    readonly details: { [key: string]: unknown } | null,
    /** The wait that the API asks for, in seconds. */
    readonly retryAfterSec: number | undefined,
  ) {
    super(`${code}: ${message}`);
  }

  /** The refused fields; empty if the error is not about fields. */
  get fields(): RefusedField[] {
    const fields = this.details?.["fields"];
    return Array.isArray(fields) ? (fields as RefusedField[]) : [];
  }
}

/** The API did not answer, or the connection broke; `cause` has the reason. */
export class Unreachable extends SecretaryError {}

/** The job has ended without completing. */
export class JobFailed extends SecretaryError {
  constructor(
    /** The job in its last state. */
    readonly job: Job,
  ) {
    const { error } = job;
    super(`${job.job_id}: ${error ? `${error.code}: ${error.message}` : job.status}`);
  }

  /** The code of the job's error; undefined if the job was cancelled. */
  get code(): string | undefined {
    return this.job.error?.code;
  }
}

/** The job has not ended, so it has no results yet. */
export class JobNotEnded extends SecretaryError {
  constructor(
    readonly jobId: string,
    message: string,
  ) {
    super(`${jobId}: ${message}`);
  }
}

/** The job did not end within the timeout of the call; the job goes on. */
export class WaitTimeout extends JobNotEnded {}

/** A request is not a webhook of this Secretary. */
export class WebhookRefused extends SecretaryError {
  constructor(
    readonly code: "HEADERS_MISSING" | "TIMESTAMP_OUT_OF_TOLERANCE" | "NO_MATCHING_SIGNATURE",
    message: string,
  ) {
    super(message);
  }
}
