// The only module that calls the API. The browser sends the session's cookie by itself.
import { signal } from "./ui.js";

/** The session as GET /api/session shows it; null: signed out; undefined: not known yet. */
export const session = signal(undefined);

/** Why the user must sign in again; an empty text after a sign-out. */
export const endReason = signal("");

/** Forget the session, which the API does not accept any more. */
export function endSession() {
  if (session.value) endReason.value = "Your session has ended, or its API key has expired or was deleted. Sign in again.";
  session.value = null;
}

/** An answer of the API that is no success, or no answer at all. */
export class ApiError extends Error {
  constructor(code, message, { status = 0, details = null, retryAfter = null } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
    this.retryAfter = retryAfter;
  }

  /** The message of each refused field, by the field's path. */
  get fields() {
    const listed = this.details?.fields ?? [];
    return Object.fromEntries(listed.map(({ field, message }) => [field, message]));
  }
}

const UNREACHABLE = "The API does not answer. Check that the service runs and that you are online.";
const ADVICE = {
  UNAUTHORIZED: "Your session has ended. Sign in again.",
  RATE_LIMITED: "Wait a moment, then try again.",
  STORE_UNAVAILABLE: "Try again in a few seconds.",
  OVERLOADED: "The API has too many requests. Try again in a few seconds.",
  INTERNAL_ERROR: "The log of the API has the reason.",
};

/** What an operator can do about *error*; an empty text if the message already says it. */
export const adviceFor = (error) => ADVICE[error?.code] ?? "";

/** Return *path* with the parameters of *query* that are set. */
export function withQuery(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

async function call(method, path, { query, body, headers = {}, signal: abort } = {}) {
  const token = session.value?.csrf_token;
  const options = { method, signal: abort, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  if (method !== "GET" && token) options.headers["X-CSRF-Token"] = token;
  let answer;
  try {
    answer = await fetch(withQuery(path, query), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("UNREACHABLE", UNREACHABLE);
  }
  return read(answer.status, await answer.text(), answer.headers.get("Retry-After"));
}

function read(status, text, retryAfter) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ApiError("UNREACHABLE", `The answer cannot be read (HTTP ${status}).`, { status });
  }
  if (parsed.status === "success") return parsed.data;
  if (status === 401) endSession();
  const { code, message, details } = parsed.error ?? {};
  throw new ApiError(code ?? "UNKNOWN", message ?? "", { status, details, retryAfter });
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, body, options) => call("POST", path, { body, ...options });
export const patch = (path, body, options) => call("PATCH", path, { body, ...options });
export const remove = (path, options) => call("DELETE", path, options);

/**
 * Upload *file*; *onProgress* gets the sent share, 0 to 1; *abort* is a signal that ends it. Returns
 * what POST /api/files answers.
 */
export function upload(file, onProgress = () => {}, abort = undefined) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", "/api/files");
    request.setRequestHeader("X-CSRF-Token", session.value?.csrf_token ?? "");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError("UNREACHABLE", UNREACHABLE));
    request.onabort = () => reject(new DOMException("The upload was stopped", "AbortError"));
    abort?.addEventListener("abort", () => request.abort());
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      } catch (error) {
        reject(error);
      }
    };
    request.send(form);
  });
}
