// Queues: the list, one queue's messages, and giving dead ones another try.
import { h, replace, short, bytes, age, clock, icon, refused, empty } from "./dom.js";
import { table } from "./views.js";
import { ask, toast } from "./console.js";

const STATES = [["dead", "Dead"], ["ready", "Ready"], ["delayed", "Delayed"], ["inflight", "In flight"]];

export function queues(api) {
  const list = h("div", {});
  const note = h("span", { class: "faint" });
  const filter = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter queues", "data-filter": true, oninput: () => refresh() });
  const overview = h("div", { class: "panel" }, h("div", { class: "tools" }, filter, note), list);
  const stage = h("div", {}, overview);
  let open = null;

  async function refresh() {
    if (open) return open.refresh();
    const answer = await api.get(`queues?filter=${encodeURIComponent(filter.value)}`);
    const { queues: found, matching, known } = answer;
    note.textContent = known ? `${found.length} shown of ${matching}` : "";
    if (!known) return replace(list, empty("No queues", "QPUSH makes one: QPUSH jobs \"hello\"."));
    if (!found.length) return replace(list, empty("No queue to show", filter.value ? "None has this in its name." : "Your user may see none of them."));
    const focused = document.activeElement?.dataset?.queue;
    replace(list, table([
      { title: "Queue", kind: "", cell: (queue) => h("button", { type: "button", class: "link mono", "data-queue": `${queue.db}/${queue.key}`, onclick: () => show(queue) }, queue.name || "(empty name)") },
      { title: "Database", kind: "number faint", cell: (queue) => queue.db },
      { title: "Ready", kind: "number", cell: (queue) => short(queue.ready) },
      { title: "Delayed", kind: "number", cell: (queue) => short(queue.delayed) },
      { title: "In flight", kind: "number", cell: (queue) => short(queue.inflight) },
      { title: "Dead", kind: "number", cell: (queue) => h("span", { class: queue.dead ? "badge bad" : "faint" }, short(queue.dead)) },
      { title: "Oldest ready", kind: "number", cell: (queue) => (queue["oldest-ready-ms"] === null ? "–" : age(queue["oldest-ready-ms"] / 1000)) },
      { title: "Waiting clients", kind: "number", cell: (queue) => short(queue["blocked-clients"]) },
      { title: "Bytes", kind: "number", cell: (queue) => bytes(queue.bytes) },
      { title: "Paused", kind: "", cell: (queue) => (queue.settings.pause === "none" ? "" : h("span", { class: "badge" }, queue.settings.pause)) },
    ], found, "Queues, those with dead messages first"));
    if (focused) list.querySelector(`[data-queue="${CSS.escape(focused)}"]`)?.focus();
  }

  function show(queue) {
    open = messages(api, queue, close);
    replace(stage, open.element);
    open.refresh().then(() => open?.element.querySelector("button")?.focus());
  }

  function close() {
    const place = open && `${open.queue.db}/${open.queue.key}`;
    open = null;
    replace(stage, overview);
    refresh().then(() => list.querySelector(`[data-queue="${CSS.escape(place)}"]`)?.focus());
  }

  return { element: stage, refresh, back: () => (open ? (close(), true) : false) };
}

function messages(api, queue, close) {
  let state = "dead";
  let from = "0-0";
  let shown = [];
  const chosen = new Set();
  const where = `db=${queue.db}&key=${queue.key}`;
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Messages by state" });
  const totals = h("p", { class: "faint" });
  const list = h("div", {});
  const redrive = h("button", { type: "button", class: "primary", onclick: () => act("redrive") }, icon("again"), h("span", {}, ""));
  const discard = h("button", { type: "button", class: "danger", onclick: () => act("discard") }, h("span", {}, ""));
  const tools = h("div", { class: "tools" }, redrive, discard);
  const more = h("button", { type: "button", onclick: () => { from = shown.at(-1)?.id ?? "0-0"; refresh(); } }, "Later messages");
  const first = h("button", { type: "button", onclick: () => { from = "0-0"; refresh(); } }, "From the first");
  const element = h("div", { class: "panel" },
    h("div", { class: "heading" }, h("button", { type: "button", class: "back", onclick: close }, "← Queues"), h("h2", { class: "mono" }, queue.name), totals),
    tabs, tools, list, h("div", { class: "tools end" }, first, more));

  async function refresh() {
    let answer;
    try {
      answer = await api.get(`queue?${where}&state=${state}&from=${encodeURIComponent(from)}`);
    } catch (error) {
      return replace(list, refused(error.message));
    }
    const now = answer.queue;
    const { totals: sums } = now;
    totals.textContent = `${short(sums.pushed)} pushed, ${short(sums.acked)} acknowledged, ${short(sums.dead)} died, ${short(sums["lease-expired"])} leases ran out`;
    const current = document.activeElement?.dataset?.state;
    replace(tabs, STATES.map(([name, title]) => h("button", {
      type: "button", role: "tab", "data-state": name, "aria-selected": name === state ? "true" : "false",
      onclick: () => { state = name; from = "0-0"; chosen.clear(); refresh(); },
    }, title, h("span", { class: name === "dead" && now.dead ? "badge bad" : "badge" }, short(now[name])))));
    if (current) tabs.querySelector(`[data-state="${current}"]`)?.focus();
    if (answer.messages.refused) return replace(list, refused(answer.messages.refused));
    shown = answer.messages;
    const ids = new Set(shown.map((message) => message.id));
    chosen.forEach((id) => ids.has(id) || chosen.delete(id));
    tools.hidden = state !== "dead" || !now.dead;
    more.hidden = shown.length < 50;
    first.hidden = from === "0-0";
    label(now.dead);
    if (!shown.length) return replace(list, empty(`No message is ${STATES.find(([name]) => name === state)[1].toLowerCase()}`, state === "dead" ? "Nothing died. Messages that fail too often show up here." : ""));
    const mark = document.activeElement?.dataset?.message;
    replace(list, table([
      state === "dead" && { title: "", kind: "tick", cell: (message) => h("input", { type: "checkbox", "data-message": message.id, "aria-label": `Choose ${message.id}`, ...(chosen.has(message.id) ? { checked: true } : {}), onchange: (event) => { event.target.checked ? chosen.add(message.id) : chosen.delete(message.id); label(now.dead); } }) },
      { title: "Id", kind: "mono faint id", cell: (message) => message.id },
      { title: "Body", kind: "mono clip", cell: (message) => (answer.bodies ? message.body : h("span", { class: "faint" }, "(the queue is too large to show bodies)")) },
      { title: "Attempts", kind: "number", cell: (message) => message.attempts },
      { title: state === "dead" ? "Why" : "Group", kind: "", cell: (message) => (state === "dead" ? message.reason ?? "too many attempts" : message.group ?? "–") },
      { title: "Priority", kind: "number", cell: (message) => message.pri },
      { title: "Pushed", kind: "number faint", cell: (message) => clock(message.pushed) },
      state === "inflight" && { title: "Owner", kind: "mono", cell: (message) => `${message.owner ?? "–"} ${message["owner-addr"] ?? ""}` },
      state !== "dead" && state !== "ready" && { title: "Until", kind: "number", cell: (message) => (message.visible === null ? "–" : clock(message.visible)) },
    ].filter(Boolean), shown, `Messages that are ${state}`));
    if (mark) list.querySelector(`[data-message="${CSS.escape(mark)}"]`)?.focus();
  }

  function label(dead) {
    const what = chosen.size ? `${chosen.size} chosen` : `all ${short(dead)}`;
    redrive.lastChild.textContent = `Redrive ${what}`;
    discard.lastChild.textContent = `Discard ${what}`;
  }

  async function act(name) {
    const ids = [...chosen];
    const what = ids.length ? `${ids.length} chosen` : "all dead";
    const sure = await ask(
      name === "redrive" ? "Redrive messages" : "Discard messages",
      name === "redrive" ? `Makes ${what} messages of ${queue.name} ready again, with their attempts at 0.` : `Removes ${what} messages of ${queue.name} for good.`,
      name === "redrive" ? "Redrive" : "Discard", name === "discard");
    if (!sure) return;
    try {
      const { count } = await api.post(name, { db: queue.db, key: queue.key, ...(ids.length ? { ids } : {}) });
      toast(`${count} ${count === 1 ? "message" : "messages"} ${name === "redrive" ? "ready again" : "discarded"}`);
    } catch (error) {
      toast(error.message, true);
    }
    chosen.clear();
    await refresh();
  }

  return { element, refresh, queue };
}
