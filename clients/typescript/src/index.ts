/** A client of Secretary. */

export type { BatchJob, Batches, SubmitBatchOptions } from "./batches.js";
export { Client } from "./client.js";
export type { ClientOptions, FollowAllOptions, SubmitOptions, WaitOptions } from "./client.js";
export type { Clock } from "./clock.js";
export type { Deliveries } from "./deliveries.js";
export type { Endpoints } from "./endpoints.js";
export {
  ApiError,
  JobFailed,
  JobNotEnded,
  SecretaryError,
  Unreachable,
  WaitTimeout,
  WebhookRefused,
} from "./errors.js";
export type { RefusedField } from "./errors.js";
export type { AnyJobEvent, JobEvent, ResetEvent } from "./events.js";
export type { Keys } from "./keys.js";
export type { components, operations, paths } from "./openapi.js";
export type { ManyFilter, ManyJobs, ManyOptions } from "./many.js";
export type { System } from "./system.js";
export type { CallInput, CallOptions } from "./transport.js";
export type * from "./types.js";
export type { UploadSource } from "./upload.js";
export { verifyWebhook } from "./webhook.js";
export type { VerifyOptions, WebhookEvent } from "./webhook.js";
