// Overview, slow commands, clients, keys: what they show of what the server answers.
import { h, s, replace, short, bytes, span, age, clock, refused, empty } from "./dom.js";
import { chart, spark } from "./chart.js";

/** INFO's text as sections of fields. */
export function sections(text) {
  const found = {};
  let current = {};
  for (const line of text.split("\r\n")) {
    if (line.startsWith("# ")) found[line.slice(2)] = current = {};
    else if (line.includes(":")) current[line.slice(0, line.indexOf(":"))] = line.slice(line.indexOf(":") + 1);
  }
  return found;
}

/** "a=1,b=2" as an object. */
function pairs(text) {
  return Object.fromEntries(text.split(",").map((pair) => pair.split("=")));
}

/** A table that keeps its place: `columns` are `{ title, kind, cell: (row) => node }`. */
export function table(columns, rows, caption) {
  return h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, columns.map(({ title, kind }) => h("th", { scope: "col", class: kind }, title)))),
    h("tbody", {}, rows.map((row) => h("tr", { tabindex: -1 }, columns.map(({ cell, kind }) => h("td", { class: kind }, cell(row))))))));
}

/** A share of a whole as a bar behind a number. */
export function bar(share, tone = "") {
  const fill = s("rect", { width: Math.max(0, Math.min(1, share || 0)) * 100, height: 6, rx: 3 });
  return s("svg", { class: `bar ${tone}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "track", width: 100, height: 6, rx: 3 }), fill);
}

export function overview(api) {
  let rows = [];
  let before = null;
  const cards = {};
  const card = (name, title) => {
    cards[name] = { value: h("strong", {}, "–"), note: h("small", {}, ""), spark: h("div", {}) };
    return h("div", { class: "card", "data-card": name }, h("span", {}, title), cards[name].value, cards[name].note, cards[name].spark);
  };
  const charts = [
    chart("Throughput", [{ name: "commands/s", of: (row) => row.commands }, { name: "errors/s", of: (row) => row.errors }], (n) => short(n)),
    chart("Latency", [{ name: "p99", of: (row) => row.p99 }, { name: "p50", of: (row) => row.p50 }], span),
    chart("Memory", [{ name: "resident", of: (row) => row.rss }, { name: "used", of: (row) => row.used }], bytes, 2),
    chart("Network", [{ name: "out", of: (row) => row.written }, { name: "in", of: (row) => row.read }], (n) => `${bytes(n)}/s`, 2),
  ];
  const commands = h("div", {});
  const facts = h("div", {});
  const stage = h("div", {});
  const board = [
    h("section", { class: "cards", "aria-label": "Now" }, card("ops", "Throughput"), card("latency", "Latency p99"), card("memory", "Memory"),
      card("clients", "Clients"), card("hits", "Hit ratio"), card("cpu", "CPU")),
    h("section", { class: "charts", "aria-label": "The last five minutes" }, charts.map((one) => one.element)),
    h("section", { class: "split" }, h("div", { class: "panel" }, h("h2", {}, "Busiest commands"), commands), h("div", { class: "panel" }, h("h2", {}, "Server"), facts)),
  ];

  async function refresh() {
    const answer = await api.get(`overview?after=${rows.at(-1)?.at ?? 0}`);
    if (answer.info.refused) return replace(stage, refused(answer.info.refused));
    const { columns, rows: fresh } = answer.history;
    rows = rows.concat(fresh.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])))).slice(-300);
    if (!stage.contains(board[0])) replace(stage, board);
    const info = sections(answer.info);
    if (rows.length) {
      charts.forEach((one) => one.draw(rows));
      tell(info, rows.at(-1));
    }
    busiest(info);
    serverFacts(info);
  }

  function put(name, value, note, values) {
    cards[name].value.textContent = value;
    cards[name].note.textContent = note;
    if (values) replace(cards[name].spark, spark(values.slice(-90)));
  }

  function tell(info, now) {
    const { Clients: clients, Memory: memory, Stats: stats } = info;
    const limit = Number(memory.maxmemory);
    put("ops", `${short(now.commands)}/s`, `${short(Number(stats.total_commands_processed))} since the start`, rows.map((row) => row.commands));
    put("latency", now.p99 ? span(now.p99) : "–", now.p50 ? `p50 ${span(now.p50)}` : "no calls just now", rows.map((row) => row.p99));
    put("memory", bytes(now.used), limit ? `${Math.round((100 * now.used) / limit)} % of ${bytes(limit)}` : `peak ${bytes(Number(memory.used_memory_peak))}`, rows.map((row) => row.used));
    put("clients", short(now.clients), `${clients.blocked_clients} blocked, at most ${short(Number(clients.maxclients))}`, rows.map((row) => row.clients));
    const asked = now.hits + now.misses;
    const [hits, misses] = [Number(stats.keyspace_hits), Number(stats.keyspace_misses)];
    const ratio = asked ? now.hits / asked : hits / (hits + misses);
    put("hits", Number.isFinite(ratio) ? `${(100 * ratio).toFixed(1)} %` : "–", `${short(misses)} misses so far`, rows.map((row) => (row.hits + row.misses ? row.hits / (row.hits + row.misses) : 0)));
    put("cpu", `${Math.round(now.cpu * 100)} %`, "of one core", rows.map((row) => row.cpu));
  }

  function busiest(info) {
    const now = { at: Date.now(), stats: info.Commandstats ?? {} };
    const latency = info.Latencystats ?? {};
    const rowOf = ([name, text]) => {
      const command = name.replace("cmdstat_", "");
      const [stat, was] = [pairs(text), before?.stats[name] ? pairs(before.stats[name]) : null];
      const seconds = before ? (now.at - before.at) / 1000 : 0;
      const rate = (field) => (was && seconds ? Math.max(0, stat[field] - was[field]) / seconds : 0);
      const tail = latency[`latency_percentiles_usec_${command}`];
      return { command: command.replace("|", " "), calls: Number(stat.calls), rate: rate("calls"), share: rate("usec") / 1e6, failed: Number(stat.failed_calls), tail: tail ? pairs(tail) : {} };
    };
    const all = Object.entries(now.stats).map(rowOf).sort((a, b) => b.share - a.share || b.calls - a.calls).slice(0, 12);
    before = now;
    if (!all.length) return replace(commands, empty("No commands yet", "They show up here as soon as clients send some."));
    const most = Math.max(...all.map((row) => row.share), 1e-9);
    const micros = (text) => (text === undefined ? "–" : span(Number(text) * 1000));
    replace(commands, table([
      { title: "Command", kind: "mono", cell: (row) => row.command },
      { title: "Calls/s", kind: "number", cell: (row) => short(row.rate) },
      { title: "Calls", kind: "number faint", cell: (row) => short(row.calls) },
      { title: "Time", kind: "number wide", cell: (row) => [`${(100 * row.share).toFixed(row.share < 0.1 ? 1 : 0)} %`, bar(row.share / most)] },
      { title: "p50", kind: "number", cell: (row) => micros(row.tail.p50) },
      { title: "p99", kind: "number", cell: (row) => micros(row.tail.p99) },
      { title: "Failed", kind: "number", cell: (row) => short(row.failed) },
    ], all, "Commands by the time they take"));
  }

  function serverFacts({ Server: server, Persistence: disk = {}, Keyspace: spaces = {}, Stats: stats = {}, Replication: replication = {} }) {
    const keys = Object.values(spaces).reduce((sum, text) => sum + Number(pairs(text).keys), 0);
    const list = [
      ["Version", `Synap ${server.synap_version ?? ""} (Redis ${server.redis_version})`],
      ["Up for", age(Number(server.uptime_in_seconds))],
      ["Address", `port ${server.tcp_port}, process ${server.process_id}`],
      ["Role", replication.role ?? "–"],
      ["Keys", short(keys, 4)],
      ["Log", disk.aof_enabled === "1" ? (disk.aof_last_write_status === "ok" ? "on" : "failing") : "off"],
      ["Last snapshot", disk.rdb_last_save_time ? `${age(Date.now() / 1000 - Number(disk.rdb_last_save_time))} ago, ${disk.rdb_last_bgsave_status}` : "–"],
      ["Changes since", short(Number(disk.rdb_changes_since_last_save))],
      ["Expired, evicted keys", `${short(Number(stats.expired_keys))}, ${short(Number(stats.evicted_keys))}`],
      ["Refused connections", short(Number(stats.rejected_connections))],
    ];
    replace(facts, h("dl", {}, list.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
  }

  return { element: stage, refresh };
}

export function slow(api) {
  const stage = h("div", { class: "panel" });
  async function refresh() {
    const { slow: calls } = await api.get("slow");
    if (calls.refused) return replace(stage, refused(calls.refused));
    if (!calls.length) return replace(stage, empty("Nothing was slow", "Calls above slowlog-log-slower-than show up here."));
    const most = Math.max(...calls.map((call) => call[2]));
    replace(stage, table([
      { title: "When", kind: "faint", cell: ([, at]) => clock(at * 1000) },
      { title: "Took", kind: "number wide", cell: ([, , us]) => [span(us * 1000), bar(us / most, us === most ? "bad" : "")] },
      { title: "Call", kind: "mono clip", cell: ([, , , words]) => words.join(" ") },
      { title: "Client", kind: "mono faint", cell: ([, , , , address, name]) => (name ? `${address} (${name})` : address) },
    ], calls, "Slow calls, newest first"));
  }
  return { element: stage, refresh };
}

export function clients(api) {
  const stage = h("div", { class: "panel" });
  const filter = h("input", { type: "search", placeholder: "Filter: address, name, user, command", "aria-label": "Filter clients", "data-filter": true, oninput: show });
  let lines = [];
  let total = 0;
  const list = h("div", {});
  const note = h("span", { class: "faint" });
  async function refresh() {
    const { clients: answer } = await api.get("clients");
    if (answer.refused) return replace(stage, refused(answer.refused));
    if (!stage.contains(list)) replace(stage, h("div", { class: "tools" }, filter, note), list);
    lines = answer.lines.split("\n").filter(Boolean);
    total = answer.count;
    show();
  }
  function show() {
    const wanted = filter.value.toLowerCase();
    const rows = lines.filter((line) => line.toLowerCase().includes(wanted)).map((line) => Object.fromEntries(line.split(" ").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }))).sort((a, b) => Number(b["tot-mem"]) - Number(a["tot-mem"]));
    note.textContent = `${Math.min(rows.length, 200)} shown of ${total}`;
    replace(list, table([
      { title: "Id", kind: "number faint", cell: (row) => row.id },
      { title: "Address", kind: "mono", cell: (row) => row.addr },
      { title: "Name", kind: "", cell: (row) => row.name || "–" },
      { title: "User", kind: "", cell: (row) => row.user },
      { title: "Database", kind: "number", cell: (row) => row.db },
      { title: "Connected", kind: "number", cell: (row) => age(Number(row.age)) },
      { title: "Idle", kind: "number", cell: (row) => age(Number(row.idle)) },
      { title: "Last command", kind: "mono", cell: (row) => row.cmd.replace("|", " ") },
      { title: "Memory", kind: "number", cell: (row) => bytes(Number(row["tot-mem"])) },
    ], rows.slice(0, 200), "Clients"));
  }
  return { element: stage, refresh };
}

export function keys(api) {
  const stage = h("div", {});
  const types = h("div", {});
  const prefixes = h("div", {});
  const choice = (name, title, values) => h("label", { class: "choice" }, title, h("select", { name, onchange: refresh }, values.map((value) => h("option", { value }, value))));
  const databases = choice("db", "Database", [0]);
  const depth = choice("depth", "Depth", [1, 2, 3, 4]);
  const delimiter = choice("delim", "Delimiter", [":", "/", ".", "-", "_", "|"]);
  const value = (label) => label.lastChild.value;
  const note = h("span", { class: "faint" });
  const board = h("div", { class: "split keys-split" },
    h("div", { class: "panel" }, h("div", { class: "tools" }, h("h2", {}, "By prefix"), note, h("span", { class: "gap" }), databases, depth, delimiter), prefixes),
    h("div", { class: "panel" }, h("h2", {}, "By type, all databases"), types));

  async function refresh() {
    const answer = await api.get(`keys?db=${value(databases)}&depth=${value(depth)}&delim=${encodeURIComponent(value(delimiter))}`);
    if (answer.prefixes.refused) return replace(stage, refused(answer.prefixes.refused));
    if (!stage.contains(board)) replace(stage, board);
    const select = databases.lastChild;
    if ([...select.options].map((option) => option.value).join() !== answer.databases.join()) {
      const chosen = select.value;
      replace(select, answer.databases.map((db) => h("option", { value: db }, db)));
      if (answer.databases.includes(Number(chosen))) select.value = chosen;
    }
    const all = answer.prefixes.reduce((sum, row) => sum + row[1], 0);
    note.textContent = all > 262144 ? "estimated" : `${short(all, 4)} keys`;
    const heavy = Math.max(...answer.prefixes.map((row) => row[2]), 1);
    if (!all) replace(prefixes, empty("No keys", "This database has none."));
    else replace(prefixes, table([
      { title: "Prefix", kind: "mono", cell: ([prefix]) => (prefix === null ? h("span", { class: "faint" }, "all others") : prefix || h("span", { class: "faint" }, "(none)")) },
      { title: "Keys", kind: "number", cell: ([, count]) => short(count, 4) },
      { title: "Bytes", kind: "number wide", cell: ([, , size]) => [bytes(size), bar(size / heavy)] },
      { title: "A key", kind: "number faint", cell: ([, count, size]) => bytes(size / count) },
    ], answer.prefixes, "Prefixes of keys, the heaviest first"));
    const used = answer.types.filter(([, count]) => count > 0).sort((a, b) => b[2] - a[2]);
    const most = Math.max(...used.map((row) => row[2]), 1);
    replace(types, used.length ? table([
      { title: "Type", kind: "", cell: ([name]) => name },
      { title: "Keys", kind: "number", cell: ([, count]) => short(count, 4) },
      { title: "Bytes", kind: "number wide", cell: ([, , size]) => [bytes(size), bar(size / most)] },
    ], used, "Keys by type") : empty("No keys", ""));
  }

  return { element: stage, refresh };
}
