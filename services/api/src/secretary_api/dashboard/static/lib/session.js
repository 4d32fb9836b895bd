// Sign in with an API key, sign out, and ask what the key may do.
import { ApiError, endReason, endSession, get, post, remove, session } from "./api.js";

export { session };

/** Read the session of the cookie, if there is one. */
export async function loadSession() {
  const { session: found } = await get("/api/session");
  if (found) session.value = found;
  else endSession();
}

/** Begin a session of the API key *key*. */
export async function signIn(key) {
  await post("/api/session", undefined, { headers: { Authorization: `Bearer ${key}` } });
  await loadSession();
  if (!session.value) {
    throw new ApiError("NO_COOKIE", "The browser did not keep the session. Open the dashboard over HTTPS, and allow cookies.");
  }
  endReason.value = "";
}

export async function signOut() {
  await remove("/api/session");
  session.value = null;
}

/** Whether the key of this session is an admin's. */
export const isAdmin = () => Boolean(session.value?.is_admin);

/** Whether the key may do what *scope* names: `read`, `submit`, `deliveries` or `admin`. */
export const may = (scope) => isAdmin() || Boolean(session.value?.scopes.includes(scope));
