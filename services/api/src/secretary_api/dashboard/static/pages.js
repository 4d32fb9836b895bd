// Every page of the dashboard. To add one, write `pages/<name>.js` with a component as its default
// export, and add an entry here.

/** The headings of the navigation, in order. */
export const GROUPS = ["Work", "Webhooks", "System"];

/**
 * Each page: its *path* (`:name` is a parameter), its *title* and its *group* in the navigation (a
 * page without a group is not listed there), its *parent* (the path of the listing to which it
 * belongs), *isForAdmins* or the *scope* that its key needs (of a list, any one), and *load*.
 */
export const PAGES = [
  { path: "/", title: "Overview", group: "Work", scope: "read", load: () => import("./pages/overview.js") },
  { path: "/jobs", title: "Jobs", group: "Work", scope: "read", load: () => import("./pages/jobs.js") },
  { path: "/submit", title: "Submit a job", group: "Work", scope: "submit", load: () => import("./pages/submit.js") },
  { path: "/batches", title: "Batches", group: "Work", scope: "read", load: () => import("./pages/batches.js") },
  { path: "/batches/:id", title: "Batch", parent: "/batches", scope: "read", load: () => import("./pages/batch.js") },
  { path: "/jobs/:id", title: "Job", parent: "/jobs", scope: "read", load: () => import("./pages/job.js") },
  { path: "/deliveries", title: "Deliveries", group: "Webhooks", scope: "read", load: () => import("./pages/deliveries.js") },
  { path: "/receivers", title: "Receivers", group: "Webhooks", scope: ["read", "deliveries"], load: () => import("./pages/receivers.js") },
  { path: "/endpoints", title: "Endpoints", group: "Webhooks", scope: "read", load: () => import("./pages/endpoints.js") },
  { path: "/job-types", title: "Job types", group: "System", scope: "read", load: () => import("./pages/job_types.js") },
  { path: "/templates", title: "Templates", group: "System", scope: "read", load: () => import("./pages/templates.js") },
  { path: "/keys", title: "API keys", group: "System", isForAdmins: true, load: () => import("./pages/keys.js") },
  { path: "/audit", title: "Audit", group: "System", scope: "read", load: () => import("./pages/audit.js") },
];
