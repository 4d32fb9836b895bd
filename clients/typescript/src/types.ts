/** The shapes of the API under short names, from the description that the API gives of itself. */

import type { components, paths } from "./openapi.js";

type Schemas = components["schemas"];
type Method = "get" | "post" | "patch" | "delete";

type Body<P extends keyof paths, M extends Method> = paths[P][M] extends {
  requestBody: { content: { "application/json": infer Content } };
}
  ? Content
  : never;

type Query<P extends keyof paths> = paths[P]["get"] extends {
  parameters: { query?: infer Found };
}
  ? Omit<NonNullable<Found>, "cursor" | "after" | "wait">
  : never;

export type JsonObject = { [key: string]: unknown };

export type Job = Schemas["JobView"];
export type JobSummary = Schemas["JobSummary"];
export type JobStatus = Schemas["JobStatus"];
export type JobProgress = Schemas["JobProgress"];
export type JobFailure = Schemas["JobError"];
export type LogEntry = Schemas["LogView"];
export type Attempt = Schemas["AttemptView"];
export type JobFile = Schemas["JobFileView"];
export type FilteredJobs = Schemas["FilteredJobs"];
export type Batch = Schemas["BatchView"];
export type Delivery = Schemas["DeliveryView"];
export type Endpoint = Schemas["EndpointView"];
export type ApiKey = Schemas["ListedKey"];
export type Upload = Schemas["Uploaded"];
export type JobType = Schemas["JobTypeView"];
export type Worker = Schemas["WorkerView"];
export type Stats = Schemas["Stats"];
export type Overview = Schemas["Overview"];
export type AuditEntry = Schemas["AuditView"];
export type Template = Schemas["TemplateView"];
export type Receiver = Schemas["ReceiverView"];

/** A job to submit: `job_type`, `parameters`, and the fields of {@link JobFields}. */
export type JobSubmission = Body<"/api/jobs/", "post">;
/** What a job may have besides its type and its parameters. */
export type JobFields = Omit<JobSubmission, "job_type" | "parameters" | "run_at"> & {
  /** The earliest start. */
  run_at?: Date | string | null;
};

/** The filters of the lists; `limit` is the size of a page, not of the list. */
export type JobFilter = Query<"/api/jobs/">;
export type LogFilter = Query<"/api/jobs/{job_id}/logs">;
export type StreamFilter = Query<"/api/stream">;
export type DeliveryFilter = Query<"/api/deliveries">;

export type EndpointFields = Body<"/api/endpoints", "post">;
export type EndpointChanges = Body<"/api/endpoints/{endpoint_id}", "patch">;
export type KeyFields = Body<"/api/keys", "post">;
export type KeyLimits = Schemas["LimitsRequest"];
export type NewKey = Schemas["KeyCreated"];
export type NewSecret = Schemas["SecretRotated"];
export type ReceiverTest = Body<"/api/webhooks/test", "post">;
