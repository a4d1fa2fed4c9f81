// The console: logging in, moving between views, keys.
import { h, replace, icon } from "./dom.js";
import { overview, slow, clients, keys } from "./views.js";
import { queues } from "./queues.js";

const VIEWS = [
  ["overview", "Overview", overview, 1000],
  ["slow", "Slow calls", slow, 2000],
  ["clients", "Clients", clients, 2000],
  ["queues", "Queues", queues, 2000],
  ["keys", "Keys", keys, 10_000],
];

const api = {
  async get(path) {
    return read(await fetch(`api/${path}`, { cache: "no-store" }));
  },
  async post(path, body = {}) {
    return read(await fetch(`api/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));
  },
};

async function read(response) {
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.error ?? response.statusText), { status: response.status });
}

// Dark or light: as the system says, until somebody chooses.
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = dark ? "light" : "dark";
  setTheme(theme);
  localStorage.setItem("synap-theme", theme);
}

/** Says something for a moment. */
export function toast(text, bad = false) {
  const note = h("div", { class: bad ? "toast bad" : "toast", role: "status" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 5000);
}

/** Asks whether to do something; Enter does, Escape does not. */
export function ask(title, text, action, danger = false) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "ask", onclose: () => { resolve(dialog.returnValue === "yes"); dialog.remove(); } },
      h("h2", { id: "ask" }, title), h("p", {}, text),
      h("div", { class: "tools end" },
        h("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { type: "button", autofocus: true, class: danger ? "danger" : "primary", onclick: () => dialog.close("yes") }, action)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const KEYS = [["1 – 5", "views"], ["/", "filter"], ["j k", "next, previous row"], ["Enter", "open"], ["Esc", "back"], ["t", "dark or light"], ["?", "this help"]];

function help() {
  if (document.querySelector("dialog")) return;
  const dialog = h("dialog", { "aria-labelledby": "help", onclose: () => dialog.remove() }, h("h2", { id: "help" }, "Keys"),
    h("dl", { class: "keys" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("div", { class: "tools end" }, h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}

function brand() {
  return h("div", { class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 28, height: 28 }), "Synap");
}

function login() {
  clearTimeout(timer);
  current = null;
  const fault = h("p", { class: "fault", role: "alert" });
  const user = h("input", { id: "user", name: "username", autocomplete: "username", value: "default", required: true, spellcheck: "false", autocapitalize: "none" });
  const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", autofocus: true });
  const button = h("button", { class: "primary", type: "submit" }, "Log in");
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    fault.textContent = "";
    try {
      await api.post("login", { user: user.value, password: password.value });
      await start();
    } catch (error) {
      fault.textContent = error.message.replace(/^[A-Z]+ /, "");
      password.select();
    }
    button.disabled = false;
  }
  replace(document.body, h("main", { class: "login" }, h("form", { class: "panel", onsubmit: submit }, brand(), h("h1", {}, "Console"),
    h("label", { for: "user" }, "User"), user, h("label", { for: "password" }, "Password"), password, fault, button,
    h("p", { class: "faint" }, "Log in as a user of this server. Its rules say what you see."))));
  password.focus();
}

let timer = 0;
let current = null;

async function start() {
  const session = await api.get("session").catch(() => ({ user: null }));
  if (session.user === null) return login();
  const state = h("span", { class: "live", role: "status" }, "live");
  const stage = h("main", { id: "stage", tabindex: "-1" });
  const title = h("h1", {});
  const made = new Map();
  const links = VIEWS.map(([name, text], i) => h("a", { href: `#${name}`, "data-view": name }, icon(name), h("span", {}, text), h("kbd", { "aria-hidden": "true" }, i + 1)));
  replace(document.body,
    h("a", { class: "skip", href: "#stage", onclick: (event) => { event.preventDefault(); stage.focus(); } }, "To the content"),
    h("header", { class: "side" }, brand(), h("nav", { "aria-label": "Views" }, links),
      h("div", { class: "who" }, h("span", { class: "mono" }, session.user),
        h("button", { type: "button", title: "Dark or light (t)", "aria-label": "Dark or light", onclick: switchTheme }, icon("moon")),
        h("button", { type: "button", title: "Log out", "aria-label": "Log out", onclick: async () => { await api.post("logout").catch(() => {}); login(); } }, icon("out")))),
    h("div", { class: "page" }, h("div", { class: "top" }, title, state), stage));

  async function tick(view, pause) {
    clearTimeout(timer);
    try {
      const place = rows().indexOf(document.activeElement);
      if (!document.hidden) await view.refresh();
      if (place >= 0 && document.activeElement === document.body) rows()[place]?.focus();
      state.textContent = "live";
      state.classList.remove("lost");
    } catch (error) {
      if (error.status === 401) return login();
      state.textContent = error.status ? error.message : "no answer";
      state.classList.add("lost");
    }
    if (current === view) timer = setTimeout(() => tick(view, pause), pause);
  }

  function go() {
    const [name, text, make, pause] = VIEWS.find(([name]) => `#${name}` === location.hash) ?? VIEWS[0];
    if (!made.has(name)) made.set(name, make(api));
    current = made.get(name);
    title.textContent = text;
    document.title = `${text} · Synap`;
    links.forEach((link) => (link.dataset.view === name ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")));
    replace(stage, current.element);
    tick(current, pause);
  }

  window.onhashchange = go;
  go();
}

function rows() {
  return [...document.querySelectorAll("main tbody tr")];
}

/** Moves the focus by rows of what is shown. */
function move(step) {
  const all = rows();
  const at = all.indexOf(document.activeElement?.closest("tr"));
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  (next?.querySelector("button, input") ?? next)?.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox])");
  if (event.ctrlKey || event.metaKey || event.altKey || !current || document.querySelector("dialog")) return;
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else current.back?.();
    return;
  }
  if (typing) return;
  const view = VIEWS[Number(event.key) - 1];
  if (view) location.hash = view[0];
  else if (event.key === "/") document.querySelector("main [data-filter]")?.focus();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "t") switchTheme();
  else if (event.key === "?") help();
  else return;
  event.preventDefault();
});

setTheme(localStorage.getItem("synap-theme"));
start();
