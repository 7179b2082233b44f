// The live page: loads what is current, follows the stream, and draws what changed four times a second.

import { Chart } from "/page/chart.js";
import { Refused, follow, get, json } from "/page/stream.js";
import { amount, clock, element, fill, place, signed } from "/page/tables.js";

const TAPE_MAX = 300, SHOWN_MAX = 100, FILLS_MAX = 1000, SILENT_MS = 6000, DRAW_MS = 250, LOOK_MS = 2000, RARELY_MS = 10000;
const OVER = new Set(["FILLED", "CANCELLED", "REJECTED", "EXPIRED"]);
const $ = (id) => document.getElementById(id);

const now = { token: "", connected: false, heard: 0, status: null, marks: new Map(), orders: new Map(), fills: new Map(), tape: new Map(), predictions: new Map(), positions: [], accounts: [] };
const dirty = new Set();
let chart;

// ---- what is known

const known = (map, key, value, max) => {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value);
};
const key = (at) => `${at.topic}/${at.partition}/${at.offset}`;
const tape = (at, line) => { if (!now.tape.has(key(at))) known(now.tape, key(at), { at, ...line }, TAPE_MAX); dirty.add("tape"); };

const TAKE = {
  orders(order) {
    tape(order.at, { ...order, what: order.state, detail: order.reason });
    const before = now.orders.get(order.order_id);
    if (before && before.revision > order.revision) return;
    if (OVER.has(order.state)) now.orders.delete(order.order_id);
    else known(now.orders, order.order_id, order, FILLS_MAX);
    dirty.add("orders");
  },
  fills(one) {
    known(now.fills, one.fill_id, one, FILLS_MAX);
    tape(one.at, { ...one, what: "FILL", detail: `at ${amount(one.price)} ${one.liquidity}, fee ${amount(one.fee)}` });
    dirty.add("fills");
  },
  risk(decision) {
    if (!["accepted", "applied", "forwarded"].includes(decision.outcome)) tape(decision.at, { ...decision, what: decision.outcome.toUpperCase(), detail: [decision.reason, decision.detail].filter(Boolean).join(": ") });
  },
  marks({ marks }) {
    for (const mark of marks) {
      now.marks.set(mark.symbol, mark);
      if (mark.symbol === $("symbol").value) chart.mark(mark);
    }
    dirty.add("marks");
  },
  models({ predictions }) {
    for (const one of predictions) now.predictions.set(`${one.model} ${one.symbol}`, one);
    dirty.add("predictions");
  },
  health(status) { now.status = status; now.heard = Date.now(); },
  control: () => {},
  positions: () => {},
  hello: () => { now.heard = Date.now(); },
  reset: () => load(),
};

// What the stores hold may be a moment older than what the stream has told: what is newer stays.
async function load() {
  const ask = (path) => json(now.token, path);
  const [status, orders, marks] = await Promise.all([ask("/v1/status"), ask("/v1/orders?limit=500"), ask("/v1/marks")]);
  Object.assign(now, { status, heard: Date.now() });
  const live = new Map(orders.orders.map((order) => [order.order_id, order]));
  for (const [id, order] of now.orders) if ((live.get(id)?.revision ?? 0) < order.revision) live.set(id, order);
  now.orders = live;
  for (const mark of marks.marks) if (!now.marks.has(mark.symbol)) now.marks.set(mark.symbol, mark);
  choose(marks.marks.map((mark) => mark.symbol));
  await Promise.all([look(), rarely(), past()]);
  for (const name of Object.keys(DRAW)) dirty.add(name);
}

// Of history, which may be away: then the live part of the page goes on without it.
async function past() {
  const [fills, refused] = await Promise.all([quiet("/v1/fills?limit=200"), quiet("/v1/rejections?limit=100")]);
  for (const one of (fills?.fills ?? []).reverse()) if (!now.fills.has(one.fill_id)) TAKE.fills(one);
  for (const one of (refused?.rejections ?? []).reverse()) TAKE.risk(one);
}

const quiet = (path) => json(now.token, path).catch(() => null);

async function look() {
  const [positions, topics] = await Promise.all([quiet("/v1/positions?limit=500"), quiet("/v1/topics")]);
  if (positions) Object.assign(now, positions);
  if (topics) now.topics = topics;
  dirty.add("positions").add("topics");
}

async function rarely() {
  const [models, replays, letters] = await Promise.all([quiet("/v1/models"), quiet("/v1/replays?limit=20"), quiet("/v1/dead-letters?limit=20")]);
  Object.assign(now, { models, replays, letters });
  dirty.add("models").add("replays");
}

async function bars() {
  const [symbol, interval] = [$("symbol").value, $("interval").value];
  if (!symbol) return;
  const found = await quiet(`/v1/bars?symbol=${encodeURIComponent(symbol)}&interval=${interval}&limit=300`);
  chart.show(found?.bars ?? [], interval);
  dirty.add("fills").add("marks");
}

function choose(symbols) {
  const select = $("symbol"), chosen = select.value;
  if (symbols.length === select.length) return;
  select.replaceChildren(...symbols.map((symbol) => element("option", {}, symbol)));
  select.value = symbols.includes(chosen) ? chosen : symbols[0] ?? "";
  bars();
}

// ---- what is shown

const orderButton = (row) => (row.client_order_id ? element("button", { onclick: () => life(row.account, row.client_order_id) }, row.client_order_id) : "");
const newest = (map, max = SHOWN_MAX) => [...map.values()].slice(-max).reverse();
const byTime = (rows) => rows.sort((a, b) => (a.time < b.time ? 1 : -1));

const DRAW = {
  tape: () => fill("tape", [["time", (r) => clock(r.time)], ["account", (r) => r.account], ["symbol", (r) => r.symbol], ["side", (r) => r.side ?? ""], ["qty", (r) => amount(r.qty), "number"], ["what", (r) => r.what], ["reason", (r) => r.detail], ["order", orderButton]], byTime(newest(now.tape))),
  orders: () => fill("orders", [["order", orderButton], ["side", (r) => r.side], ["left", (r) => amount(r.remaining), "number"], ["price", (r) => amount(r.price ?? r.stop_price), "number"], ["state", (r) => r.state], ["symbol", (r) => r.symbol]], newest(now.orders), "no open orders"),
  positions() {
    fill("positions", [["symbol", (r) => r.symbol], ["qty", (r) => amount(r.qty), "number"], ["open P&L", (r) => signed(r.unrealised), "number"], ["closed", (r) => signed(r.net), "number"], ["average", (r) => amount(r.average_price, 4), "number"], ["mark", (r) => amount(r.mark, 4), "number"], ["account", (r) => r.account]], now.positions);
    fill("accounts", [["account", (r) => r.account], ["cash", (r) => amount(r.cash, 2), "number"], ["reserved", (r) => amount(r.reserved, 2), "number"]], now.accounts);
  },
  fills: () => chart.fills([...now.fills.values()].filter((one) => one.symbol === $("symbol").value)),
  marks() {
    const mark = now.marks.get($("symbol").value);
    $("quote").textContent = mark ? `${amount(mark.bid)} / ${amount(mark.ask)}  last ${amount(mark.last)}  ${mark.status}${mark.breaker ? `  breaker ${mark.breaker}` : ""}` : "";
    chart.prices(mark, [...now.orders.values()].filter((order) => order.symbol === $("symbol").value));
    choose([...now.marks.keys()].sort());
  },
  predictions: () => fill("predictions", [["symbol", (r) => r.symbol], ["model", (r) => r.model], ["served", (r) => r.version], ["P(up)", (r) => (r.p === null ? r.abstain : r.p.toFixed(3)), "number"], ["challengers", (r) => r.outputs.filter((o) => o.version !== r.version).map((o) => `${o.version} ${o.p === null ? "–" : o.p.toFixed(3)}`).join(", ")]], [...now.predictions.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1))),
  models() {
    const scores = now.models?.scores ?? [];
    const of = (row, name) => { const score = scores.find((one) => one.model === row.model); return row.role === "champion" && score?.[name] != null ? score[name].toFixed(4) : ""; };
    fill("models", [["version", (r) => r.version], ["role", (r) => r.role], ["learned", (r) => amount(r.learned), "number"], ["logloss", (r) => of(r, "logloss"), "number"], ["accuracy", (r) => of(r, "accuracy"), "number"]], now.models?.versions ?? []);
  },
  topics() {
    const lag = (parts) => { const all = parts.flatMap((part) => Object.values(part.groups).map((group) => group.lag)); return all.length ? all.reduce((a, b) => a + b, 0) : null; };
    const rows = Object.entries(now.topics?.topics ?? {}).map(([topic, parts]) => ({ topic, end: parts.reduce((sum, part) => sum + part.end, 0), lag: lag(parts), rate: now.topics.rates[topic] }));
    fill("topics", [["topic", (r) => r.topic], ["per second", (r) => amount(r.rate, 1), "number"], ["lag", (r) => (r.lag === null ? "" : amount(r.lag)), "number"], ["offsets", (r) => amount(r.end), "number"]], rows, "Kafka does not answer");
  },
  replays() {
    fill("replays", [["run", (r) => r.run_id], ["kind", (r) => r.kind], ["state", (r) => r.state], ["started", (r) => r.started_at.slice(0, 19)]], now.replays?.replays ?? []);
    fill("letters", [["from", (r) => place(r.origin)], ["reason", (r) => r.reason], ["error", (r) => r.error]], now.letters?.dead_letters ?? []);
  },
};

// Drawn each time: what was heard grows old by itself.
function state() {
  const stale = !now.connected || Date.now() - now.heard > SILENT_MS;
  document.body.classList.toggle("stale", stale);
  const s = now.status;
  const lag = s?.lag ? Object.values(s.lag).flatMap((groups) => Object.values(groups)).reduce((a, b) => a + b, 0) : null;
  const up = s?.processes.filter((process) => process.reachable).length;
  const items = [
    stale ? ["bad", `stale since ${Math.round((Date.now() - now.heard) / 1000)} s`] : ["good", "live"],
    [s?.profile === "production" ? "warn" : "", s ? `${s.profile || "no profile"}${s.simulation ? ", simulated exchange" : ""}` : "…"],
    [s?.state === "RUNNING" ? "good" : "warn", s?.state ?? ""],
    s?.killed.length ? ["bad", `KILLED: ${s.killed.join(", ")}`] : ["", "kill switch off"],
    [s?.open_breakers ? "bad" : "", `breakers open: ${s?.open_breakers ?? "?"}`],
    ["", `processes ${up ?? "?"} of ${s?.processes.length ?? "?"}`],
    ["", `lag ${lag === null ? "?" : amount(lag)}`],
  ];
  $("state").replaceChildren(...items.map(([className, text]) => element("li", { className }, text)));
}

function draw() {
  state();
  for (const name of dirty) if (!document.activeElement?.closest(`#${name} td`)) { dirty.delete(name); DRAW[name](); }
}

// ---- one order's life, and the kill switch

async function life(account, name) {
  $("life-title").textContent = `${account} ${name}`;
  const told = await json(now.token, `/v1/orders/${encodeURIComponent(account)}/${encodeURIComponent(name)}`).catch((error) => error);
  if (told instanceof Error) $("life-body").replaceChildren(element("p", {}, told.message));
  else {
    const steps = [
      ...told.decisions.map((d) => ({ ...d, step: "decision", what: d.outcome, detail: [d.reason, d.detail].filter(Boolean).join(": "), cause: d.command })),
      ...told.events.map((e) => ({ ...e, step: "event", what: e.state, detail: `${amount(e.filled)} of ${amount(e.qty)} ${e.reason}` })),
      ...told.fills.map((f) => ({ ...f, step: "fill", what: `${f.side} ${amount(f.qty)}`, detail: `at ${amount(f.price)} ${f.liquidity}, ${f.rule}, fee ${amount(f.fee)}` })),
    ].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    const table = fill(element("table"), [["time", (r) => clock(r.time)], ["step", (r) => r.step], ["what", (r) => r.what], ["detail", (r) => r.detail], ["stands at", (r) => place(r.at)], ["caused by", (r) => place(r.cause)]], steps);
    $("life-body").replaceChildren(element("p", {}, `${told.order_id || "no order"}: ${told.state}`), table);
  }
  if (!$("life").open) $("life").showModal();
}

async function showSwitch() {
  const { switches } = await json(now.token, "/v1/kill-switch");
  const table = fill(element("table"), [["scope", (r) => r.scope], ["state", (r) => (r.engaged ? "engaged" : "released")], ["reason", (r) => r.reason], ["by", (r) => r.issuer], ["since", (r) => r.time.slice(0, 19)]], switches, "never turned");
  $("switches").replaceChildren(table);
  if (!$("switch").open) $("switch").showModal();
}

async function turn(action) {
  const headers = { "Content-Type": "application/json" };
  if (action === "release") {
    headers["If-Match"] = (await get(now.token, "/v1/kill-switch")).headers.get("etag");
    headers["Idempotency-Key"] = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16)).join("");
  }
  const body = JSON.stringify({ scope: $("scope").value, action, reason: $("reason").value, flatten: $("flatten").checked });
  const answer = await json(now.token, "/v1/kill-switch", { method: "POST", headers, body });
  $("switch-answer").textContent = `${answer.action}d ${answer.scope} at ${place(answer.at)}`;
  $("sure").checked = false;
  setTimeout(showSwitch, 500);
}

// ---- begin

async function open(event) {
  event.preventDefault();
  now.token = $("token").value;
  try {
    await json(now.token, "/v1/status");
    const options = await get(now.token, "/v1/kill-switch", { method: "OPTIONS" });
    $("kill").hidden = !options.headers.get("allow")?.includes("POST");
  } catch (error) {
    $("refusal").textContent = error instanceof Refused ? error.message : "the API does not answer";
    return;
  }
  $("token").value = "";
  $("login").hidden = true;
  $("main").hidden = false;
  chart = await Chart.open($("chart"));
  follow(now.token, (type, data) => TAKE[type]?.(data), (connected) => { now.connected = connected; }).catch(() => location.reload());
  setInterval(draw, DRAW_MS);
  setInterval(look, LOOK_MS);
  setInterval(rarely, RARELY_MS);
  for (;;) {
    try { return await load(); } catch { await new Promise((done) => setTimeout(done, 2000)); }
  }
}

$("login").addEventListener("submit", open);
$("symbol").addEventListener("change", bars);
$("interval").addEventListener("change", bars);
$("kill").addEventListener("click", showSwitch);
$("switch-form").addEventListener("submit", (event) => {
  event.preventDefault();
  turn(event.submitter.value).catch((error) => { $("switch-answer").textContent = error.message; });
});
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const showTheme = () => { $("theme").textContent = isDark() ? "Light" : "Dark"; chart?.paint(); };
$("theme").addEventListener("click", () => { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; showTheme(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
showTheme();
