// Elements and numbers. Text only ever becomes text nodes: nothing here reads markup.

/** An element with properties (`on…` are listeners, `class`, `data-…` and ARIA are attributes) and children. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replaces what is in an element. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat(9).filter(Boolean));
}

/** 1234567 → "1.23 M". */
export function short(n, digits = 3) {
  if (!Number.isFinite(n)) return "–";
  const units = ["", " k", " M", " G", " T"];
  let at = 0;
  for (; Math.abs(n) >= 999.5 && at < units.length - 1; at++) n /= 1000;
  return (at === 0 && Number.isInteger(n) ? String(n) : String(Number(n.toPrecision(digits)))) + units[at];
}

/** Bytes, in powers of 1024. */
export function bytes(n) {
  if (!Number.isFinite(n)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; Math.abs(n) >= 1023.5 && at < units.length - 1; at++) n /= 1024;
  return `${at === 0 || n >= 100 ? Math.round(n) : n.toPrecision(3)} ${units[at]}`;
}

/** Nanoseconds. */
export function span(ns) {
  if (!Number.isFinite(ns)) return "–";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  for (const [unit, size] of [["µs", 1e3], ["ms", 1e6]]) {
    if (ns < size * 1000) return `${Number((ns / size).toPrecision(3))} ${unit}`;
  }
  return age(ns / 1e9);
}

/** Seconds, in the two largest units. */
export function age(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = parts.findIndex(([size]) => seconds >= size);
  const [big, unit] = parts[at];
  const rest = parts[at + 1] ? Math.floor((seconds % big) / parts[at + 1][0]) : 0;
  return `${Math.floor(seconds / big)} ${unit}${rest ? ` ${rest} ${parts[at + 1][1]}` : ""}`;
}

/** A moment, unix ms. */
export function clock(ms) {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

/** What stands where something may not be shown. */
export function refused(why) {
  return h("p", { class: "refused", role: "note" }, icon("lock"), why.replace(/^NOPERM /, ""));
}

/** What stands where nothing is. */
export function empty(title, text) {
  return h("div", { class: "empty" }, h("strong", {}, title), h("span", {}, text));
}

const ICONS = {
  overview: "M3 13h4l3-8 4 14 3-6h4",
  slow: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  clients: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M2.500 20c0-3.500 3-6 6.500-6s6.500 2.500 6.500 6M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.500c2 .8 3.500 2.800 3.500 5.500",
  queues: "M4 6h16M4 12h16M4 18h10",
  keys: "M14 10a4 4 0 1 0-4 4M13 13l7 7M17 17l2-2",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500",
  close: "M6 6l12 12M18 6L6 18",
  again: "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
  out: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
};

/** A small drawing. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}
