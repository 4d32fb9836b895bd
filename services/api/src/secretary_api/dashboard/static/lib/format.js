// Numbers, times and sizes as people read them.

const COUNT = new Intl.NumberFormat("en");
const SHORT_TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

export const count = (number) => (number == null ? "–" : COUNT.format(number));

/** `1 job`, `2 jobs`; *many* for irregular nouns. */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A duration in seconds: `12 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(sec) {
  if (sec == null || Number.isNaN(sec)) return "–";
  if (sec < 0.0005) return "0 ms";
  if (sec < 1) return `${Math.round(sec * 1000)} ms`;
  if (sec < 10) return `${sec.toFixed(1)} s`;
  if (sec < 60) return `${Math.floor(sec)} s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => sec >= size);
  const [unit, size] = units[first];
  const [lower, lowerSize] = units[first + 1] ?? [];
  const rest = lower ? Math.floor((sec % size) / lowerSize) : 0;
  return `${Math.floor(sec / size)} ${unit}${rest ? ` ${rest} ${lower}` : ""}`;
}

/** How long ago or ahead *at* is, seen from *now*: `now`, `12 s ago`, `in 3 min`. */
export function relative(at, now) {
  const sec = (now - Date.parse(at)) / 1000;
  if (Math.abs(sec) < 1.5) return "now";
  const [unit, size] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, one]) => Math.abs(sec) >= one);
  const amount = `${Math.floor(Math.abs(sec) / size)} ${unit}`;
  return sec > 0 ? `${amount} ago` : `in ${amount}`;
}

/** The time of day, with the day if it is not today. */
export function clock(at, now = Date.now()) {
  const moment = new Date(at);
  const today = new Date(now);
  if (moment.toDateString() === today.toDateString()) return SHORT_TIME.format(moment);
  const day = moment.getFullYear() === today.getFullYear() ? DAY : YEAR;
  return `${day.format(moment)}, ${SHORT_TIME.format(moment)}`;
}

export const fullTime = (at) => FULL.format(new Date(at));

/** A size in bytes: `812 B`, `14 kB`, `3.2 MB`. */
export function bytes(size) {
  if (size == null) return "–";
  if (size < 1000) return `${size} B`;
  const power = Math.min(Math.floor(Math.log10(size) / 3), 4);
  const value = size / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** The end of an id, which tells ids apart: times make their beginnings alike. */
export const shortId = (id) => (id && id.length > 16 ? `…${id.slice(-10)}` : (id ?? "–"));

/** A time in the form of `datetime-local`, in the browser's time zone; an empty text if *at* is no time. */
export function localTime(at) {
  const moment = new Date(at || Number.NaN);
  return Number.isNaN(moment.getTime()) ? "" : new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The time that a field `datetime-local` shows, as the API takes it; undefined if it is empty. */
export const utcTime = (text) => (text ? new Date(text).toISOString() : undefined);
