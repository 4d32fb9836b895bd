// Markdown as a tree of elements. Results are hostile text: HTML in them stays text, links go to
// http, https and mailto only, and pictures are files of the job only. Each line is read once.
import { html } from "./ui.js";

const MOST_CHARACTERS = 300_000;
const DEEPEST = 12;
const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}(#{1,6}) +(.*)$/;
const ITEM = /^( {0,12})([-*+]|[0-9]{1,9}[.)]) +(.*)$/;
const RULE = /^ {0,3}(---+|\*\*\*+|___+) *$/;
const DIVIDER = /^[ |:-]+$/;
const SAFE_LINK = /^(https?:|mailto:)/i;

/** Draw *text*; *imageOf* returns the address of a picture by its name, or null. */
export function Markdown({ text, imageOf = () => null }) {
  const cut = text.length > MOST_CHARACTERS;
  const lines = text.slice(0, MOST_CHARACTERS).replace(/\r\n?/g, "\n").split("\n");
  return html`<div class="prose">${blocks(lines, imageOf, 0)}${cut && html`<p class="muted">The rest is left out here; download the file to read it.</p>`}</div>`;
}

function blocks(lines, imageOf, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    const [block, next] = readBlock(lines, at, imageOf, depth);
    if (block) found.push(block);
    at = next;
  }
  return found;
}

function readBlock(lines, at, imageOf, depth) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = line.match(FENCE);
  if (fence) return readFence(lines, at, fence[1]);
  const heading = line.match(HEADING);
  if (heading) {
    const level = Math.min(heading[1].length + 2, 6); // below the titles of the page
    return [html`<${`h${level}`} class=${`level-${heading[1].length}`}>${inline(heading[2].trim(), imageOf, 0)}<//>`, at + 1];
  }
  if (RULE.test(line)) return [html`<hr />`, at + 1];
  if (line.startsWith(">") && depth < DEEPEST) return readQuote(lines, at, imageOf, depth);
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && lines[at + 1].includes("-") && lines[at + 1].includes("|")) return readTable(lines, at, imageOf);
  if (ITEM.test(line) && depth < DEEPEST) return readList(lines, at, imageOf, depth);
  return readParagraph(lines, at, imageOf);
}

function readFence(lines, at, fence) {
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(fence)) end += 1;
  return [html`<pre class="code" tabindex="0">${lines.slice(at + 1, end).join("\n")}</pre>`, end + 1];
}

function readQuote(lines, at, imageOf, depth) {
  let end = at;
  while (end < lines.length && lines[end].startsWith(">")) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^> ?/, ""));
  return [html`<blockquote>${blocks(inner, imageOf, depth + 1)}</blockquote>`, end];
}

function cells(line) {
  const trimmed = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return trimmed.replaceAll("\\|", "\u0000").split("|").map((cell) => cell.replaceAll("\u0000", "|").trim());
}

function readTable(lines, at, imageOf) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end += 1;
  const head = cells(lines[at]);
  const body = lines.slice(at + 2, end).map(cells);
  const table = html`<div class="table-scroll"><table>
    <thead><tr>${head.map((cell, index) => html`<th key=${index}>${inline(cell, imageOf, 0)}</th>`)}</tr></thead>
    <tbody>${body.map((row, number) => html`<tr key=${number}>${head.map((_, index) => html`<td key=${index}>${inline(row[index] ?? "", imageOf, 0)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
  return [table, end];
}

function readList(lines, at, imageOf, depth) {
  const [, indent, marker] = lines[at].match(ITEM);
  const isOrdered = /[0-9]/.test(marker);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = lines[end].match(ITEM);
    if (item && item[1].length <= indent.length) {
      if (/[0-9]/.test(item[2]) !== isOrdered || item[1].length < indent.length) break;
      items.push([item[3]]);
    } else if (items.length && (item || /^\s{2,}\S/.test(lines[end]))) {
      items.at(-1).push(lines[end].slice(indent.length + 2));
    } else if (lines[end].trim() || !ITEM.test(lines[end + 1] ?? "")) {
      break;
    }
    end += 1;
  }
  const content = items.map((inner, index) => html`<li key=${index}>${inner.length > 1 ? blocks(inner, imageOf, depth + 1) : inline(inner[0], imageOf, 0)}</li>`);
  const start = isOrdered ? Number.parseInt(marker, 10) : undefined;
  return [isOrdered ? html`<ol start=${start}>${content}</ol>` : html`<ul>${content}</ul>`, end];
}

function readParagraph(lines, at, imageOf) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && ![FENCE, HEADING, RULE, ITEM].some((one) => one.test(lines[end])) && !lines[end].startsWith(">")) end += 1;
  return [html`<p>${inline(lines.slice(at, end).join("\n"), imageOf, 0)}</p>`, end];
}

/** Read text with emphasis, code, links and pictures; *depth* bounds emphasis within emphasis. */
function inline(text, imageOf, depth) {
  const parts = [];
  let plain = "";
  let at = 0;
  const take = (part, next) => {
    if (plain) parts.push(plain);
    plain = "";
    parts.push(part);
    at = next;
  };
  while (at < text.length) {
    const found = depth < DEEPEST ? special(text, at, imageOf, depth) : null;
    if (found) {
      take(...found);
    } else {
      if (text[at] === "\\" && /[\\`*_[\](){}#+.!|<>-]/.test(text[at + 1] ?? "")) at += 1;
      plain += text[at];
      at += 1;
    }
  }
  if (plain) parts.push(plain);
  return parts;
}

const LONGEST_SPAN = 5000;

/** The position of *mark* after *from*, near enough to be its partner; -1 without one. */
function closing(text, mark, from) {
  const place = text.slice(from, from + LONGEST_SPAN).indexOf(mark);
  return place < 0 ? -1 : from + place;
}

const WORD = /[\p{L}\p{N}_]/u;

/** Like `closing`, but an underscore inside a word ends nothing: `a __b__c`. */
function endOfEmphasis(text, mark, from) {
  if (mark[0] !== "_") return closing(text, mark, from);
  const near = text.slice(from, from + LONGEST_SPAN + mark.length + 1);
  let place = near.indexOf(mark);
  while (place >= 0 && WORD.test(near[place + mark.length] ?? "")) place = near.indexOf(mark, place + 1);
  return place < 0 ? -1 : from + place;
}

function special(text, at, imageOf, depth) {
  const char = text[at];
  if (char === "`") {
    const end = closing(text, "`", at + 1);
    return end > at + 1 ? [html`<code>${text.slice(at + 1, end)}</code>`, end + 1] : null;
  }
  if (char === "!" && text[at + 1] === "[") return picture(text, at, imageOf);
  if (char === "[") return link(text, at, imageOf, depth);
  if (char === "*" || char === "_") {
    const mark = text[at + 1] === char ? char + char : char;
    const isInWord = char === "_" && WORD.test(text[at - 1] ?? "");
    const end = isInWord || /\s/.test(text[at + mark.length] ?? " ") ? -1 : endOfEmphasis(text, mark, at + mark.length + 1);
    if (end < 0) return null;
    const inner = inline(text.slice(at + mark.length, end), imageOf, depth + 1);
    return [mark.length === 2 ? html`<strong>${inner}</strong>` : html`<em>${inner}</em>`, end + mark.length];
  }
  return null;
}

/** Return `[label, target, end]` of `[label](target)` at *at*; null if there is none. */
function bracketed(text, at) {
  const middle = closing(text, "](", at + 1);
  const end = middle < 0 ? -1 : closing(text, ")", middle + 2);
  if (end < 0 || text.slice(at + 1, middle).includes("\n\n")) return null;
  return [text.slice(at + 1, middle), text.slice(middle + 2, end).trim().split(" ")[0], end + 1];
}

function link(text, at, imageOf, depth) {
  const found = bracketed(text, at);
  if (!found || !SAFE_LINK.test(found[1])) return null;
  const [label, target, end] = found;
  return [html`<a href=${target} target="_blank" rel="noopener noreferrer nofollow">${inline(label, imageOf, depth + 1)}</a>`, end];
}

function picture(text, at, imageOf) {
  const found = bracketed(text, at + 1);
  if (!found) return null;
  const [label, target, end] = found;
  const source = imageOf(target);
  return [source ? html`<img src=${source} alt=${label || target} loading="lazy" />` : html`<span class="muted">[picture ${label || target}]</span>`, end];
}
