// The live page: reads the API's progress stream with the caller's token and shows it. All text from users and pages
// goes through textContent; nothing is ever parsed as HTML.

const TOKEN = "fleet.token";
const RETRY_MS = 2000;
const LONG_S = 5; // a wait of a few seconds is nobody's concern
const STRATEGIES = { static: "read directly", browser: "read in a browser", fallback: "page not read" };
const WINDOWS = { minute: "In any minute", day: "Today", month: "This month" };
const NEAR = 0.8; // a window this full is shown so
const BADGES = { // by whose key serves, and what is known of the user's own
  user: { active: ["Yours, active", "good"], unchecked: ["Yours, not confirmed yet", "near"], exhausted: ["Yours, used up for now", "near"] },
  default: { none: ["The deployment's", "good"], other: ["The deployment's", "near"] },
  none: { none: ["None", "near"], other: ["None that works", "bad"] },
};
const KEYS = { user: "on the user's key", default: "on the default key" };

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const shown = new Map(); // bookmark id -> { element, text }
let reading = null; // aborts the stream that is being read

// ---- who is asking -------------------------------------------------------------------------------

function tokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem(TOKEN, token);
  history.replaceState(null, "", location.pathname); // a token has no business in history or screenshots
}

function askForToken(why) {
  sessionStorage.removeItem(TOKEN);
  reading?.abort();
  if (why) $("sign-in-why").textContent = why;
  $("live").hidden = true;
  $("sign-in").hidden = false;
  $("token").focus();
  pulse("waiting", "Waiting for a token");
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $("token").value.trim());
  $("token").value = "";
  start();
});
$("sign-out").addEventListener("click", () => askForToken());
window.addEventListener("hashchange", () => { tokenFromAddress(); start(); });

async function ask(address, signal) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
  const answer = await fetch(address, { headers, signal, cache: "no-store", credentials: "omit" });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ detail: answer.statusText, advice: "" }));
  throw Object.assign(new Error(`${problem.detail} ${problem.advice}`), { status: answer.status });
}

// ---- the stream ----------------------------------------------------------------------------------

async function start() {
  reading?.abort();
  if (!sessionStorage.getItem(TOKEN)) return askForToken();
  const aborting = (reading = new AbortController());
  while (!aborting.signal.aborted) {
    try {
      const caller = await (await ask("/v1/caller", aborting.signal)).json();
      welcome(caller);
      await follow(caller, aborting.signal);
    } catch (error) {
      if (aborting.signal.aborted) return;
      if ([401, 403, 422].includes(error.status)) return askForToken(error.message);
      pulse("away", "Not reachable, trying again");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function follow(caller, signal) {
  const address = caller.user ? `/v1/users/${encodeURIComponent(caller.user)}/progress` : "/v1/admin/progress";
  const reader = (await ask(address, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) take(event);
  }
}

function take(event) {
  const field = (name) => event.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  if (!field("data")) return;
  const data = JSON.parse(field("data"));
  if (field("event") === "trouble") return pulse("away", data.detail);
  pulse("live", "Live");
  show(data);
}

// ---- what is shown -------------------------------------------------------------------------------

function pulse(state, text) {
  $("pulse").dataset.state = state;
  if ($("pulse-text").textContent !== text) $("pulse-text").textContent = text;
}

function welcome(caller) {
  $("sign-in").hidden = true;
  $("live").hidden = false;
  $("whose").textContent = caller.user ? `Everything of ${caller.user}` : "Everything of everybody";
  $("key-help").hidden = Boolean(caller.user); // a user reads it beside what is known of the key
  $("serving-how").firstChild.textContent = `fleet key add --user ${caller.user}`;
}

function show({ bookmarks, users, stages, newest, standing, signals, paused, health }) {
  const total = Object.values(bookmarks).reduce((sum, count) => sum + count, 0);
  const [done, failed] = [bookmarks.done ?? 0, bookmarks.failed ?? 0];
  figure("total", total);
  figure("done", done);
  $("in-note").textContent = users === null ? "handed in" : `of ${number.format(users)} ${users === 1 ? "user" : "users"}`;
  const left = total - done - failed;
  const notes = [failed ? `${number.format(failed)} failed` : "", left ? `${number.format(left)} to go` : "nothing left to do"];
  $("out-note").textContent = notes.filter(Boolean).join(" · ");
  $("bar").children[0].style.width = `${total ? (100 * done) / total : 0}%`;
  $("bar").children[1].style.width = `${total ? (100 * failed) / total : 0}%`;
  $("bar").setAttribute("aria-label", `${done} of ${total} done, ${failed} failed`);
  const stageOf = (name) => stages.find((stage) => stage.stage === name);
  showStage("scrape", stageOf("scrape"), stageOf("render"));
  showStage("analyze", stageOf("analyze"));
  $("stage-out").classList.toggle("moving", stages.some((stage) => stage.stage === "analyze" && stage.running > 0));
  showStanding(standing);
  showHealth(health);
  showWatch(signals, paused);
  showResults(newest);
}

function figure(name, value) {
  document.querySelector(`[data-figure="${name}"]`).textContent = number.format(value);
}

function showStage(name, stage, inBrowser) {
  const card = $(`stage-${name}`);
  const list = card.querySelector("dl");
  card.classList.toggle("moving", [stage, inBrowser].some((one) => (one?.running ?? 0) + (one?.released ?? 0) > 0));
  const figures = { ...stage, waiting: (stage?.waiting ?? 0) + (stage?.released ?? 0), running: stage?.running ?? 0 };
  for (const state of ["waiting", "running", "done", "failed"].filter((state) => state in figures)) {
    const value = figures[state];
    const row = list.querySelector(`.${state}`) ?? list.appendChild(pair(state));
    row.lastChild.textContent = number.format(value);
    row.lastChild.classList.toggle("none", value === 0);
  }
  card.querySelector(".why").textContent = [inBrowserToo(inBrowser), ...[stage, inBrowser].filter(Boolean).flatMap(whatHolds)].filter(Boolean).join(" · ");
}

function inBrowserToo(stage) {
  const waiting = (stage?.waiting ?? 0) + (stage?.released ?? 0);
  const counts = [waiting ? `${number.format(waiting)} waiting` : "", stage?.running ? `${number.format(stage.running)} running` : ""];
  return counts.some(Boolean) ? `In a browser: ${counts.filter(Boolean).join(", ")}` : "";
}

function whatHolds({ oldest_wait_s: oldest = 0, waits }) {
  const long = oldest >= LONG_S ? [`somebody has waited ${Math.round(oldest)} s for a turn`] : [];
  return [...long, ...waits.filter(({ lanes }) => lanes !== null).map(whyItWaits)];
}

function pair(name) {
  const row = document.createElement("div");
  row.className = name;
  row.append(document.createElement("dt"), document.createElement("dd"));
  row.firstChild.textContent = name;
  return row;
}

function whyItWaits({ because, lanes, until }) {
  const who = `${number.format(lanes)} ${lanes === 1 ? "user waits" : "users wait"}`;
  return `${who}${until ? ` until ${moment(until)}` : ""}: ${because}`;
}

function moment(iso) {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString() : time.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function showStanding(standing) {
  $("standing").hidden = !standing;
  if (!standing) return;
  const { can_make_request: can, cannot_because: why, windows, waiting } = standing;
  $("verdict").dataset.can = can ? "yes" : "no";
  $("verdict").textContent = can ? "A call may be made now." : why.until ? `${why.sentence.slice(0, -1)} until ${moment(why.until)}.` : why.sentence;
  prose($("verdict-advice"), why && why.advice !== standing.key_serving.advice ? why.advice : ""); // it is said once
  $("windows").replaceChildren(...windows.map(windowOf));
  showKey(standing);
  $("waiting-none").hidden = waiting.length > 0;
  $("waiting").replaceChildren(...waiting.map((work) => line(
    `${work.what}${work.until ? ` until ${moment(work.until)}` : ""}: ${work.because}.`, work.advice, work.reason ? "near" : "",
  )));
}

function windowOf({ window: name, used, left, limit, limit_source: source, limit_from: from, learned_until: learned, resets_at: resets }) {
  const item = $("window").content.firstElementChild.cloneNode(true);
  const share = limit ? Math.min(1, used / limit) : 1;
  item.dataset.level = left === 0 ? "full" : share >= NEAR ? "near" : "";
  item.querySelector(".label").textContent = WINDOWS[name];
  const count = limit ? `${number.format(used)} of ${number.format(limit)} used, ${number.format(left)} left` : "no calls allowed";
  item.querySelector(".count").textContent = count;
  const bar = item.querySelector(".bar");
  bar.firstElementChild.style.width = `${100 * (left === 0 ? 1 : share)}%`;
  bar.setAttribute("aria-label", `${WINDOWS[name]}: calls used`);
  bar.setAttribute("aria-valuenow", Math.min(used, limit));
  bar.setAttribute("aria-valuemax", limit);
  item.querySelector(".from").textContent = `Limit: ${from}${source === "provider" && learned ? `, until ${moment(learned)}` : ""}`;
  item.querySelector(".reset").textContent = resets ? `more room at ${moment(resets)}` : "";
  return item;
}

function showKey({ api_key_status: status, key_serving: serving }) {
  const badges = BADGES[serving.source];
  const [text, level] = badges[status ?? "none"] ?? badges.other ?? ["Yours", "good"];
  $("serving-badge").textContent = text;
  $("serving-badge").dataset.level = level;
  prose($("serving-sentence"), serving.sentence);
  prose($("serving-advice"), serving.advice);
  $("serving-how").hidden = serving.source === "user";
}

function showWatch(signals, paused) {
  $("watch").hidden = !signals;
  if (!signals) return;
  $("signals-none").hidden = signals.length > 0;
  $("signals").replaceChildren(...signals.map((signal) => line(
    `${signal.user}: ${signal.meaning}`,
    [times(signal.times), `last at ${moment(signal.last_at)}`, ...Object.entries(signal.details).map(figureOf)].join(" · "),
    "bad",
  )));
  $("paused-none").hidden = paused.length > 0;
  $("paused-how").hidden = paused.length === 0;
  $("paused").replaceChildren(...paused.map(chip));
}

function showHealth(health) {
  if (!health) return;
  $("health-none").hidden = health.stages.length > 0;
  $("health").replaceChildren(...health.stages.map(({ stage, done, failed, success, usual_s: usual, slow_s: slow, failures }) => line(
    `${stage}: ${number.format(done)} done, ${number.format(failed)} failed (${percent.format(success)} success)`,
    [
      usual === null ? "" : `usually ${seconds(usual)}, slow ones ${seconds(slow)}`,
      ...failures.slice(0, 3).map(({ code, jobs }) => `\`${code}\` ${times(jobs)}`),
    ].filter(Boolean).join(" · "),
    failed ? "near" : "",
  )));
  const keys = Object.entries(health.keys).map(([status, count]) => `${number.format(count)} ${status}`);
  const out = Object.entries(health.held_back).map(([name, count]) => `${number.format(count)} out of calls for the ${name}`);
  $("health-keys").textContent = [keys.length ? `Keys: ${keys.join(", ")}` : "", out.length ? `Users: ${out.join(", ")}` : ""].filter(Boolean).join(" · ");
}

function seconds(value) {
  return `${value.toFixed(1)} s`;
}

function times(count) {
  return count === 1 ? "once" : `${number.format(count)} times`;
}

function figureOf([name, value]) {
  const words = name.replaceAll("_", " ");
  return typeof value === "number" ? `${number.format(value)} ${words}` : `${words}: ${value}`;
}

function line(what, why, level) {
  const item = $("line").content.firstElementChild.cloneNode(true);
  item.dataset.level = level;
  prose(item.querySelector(".what"), what);
  prose(item.querySelector(".why-so"), why);
  return item;
}

function prose(element, text) {
  element.hidden = !text;
  element.replaceChildren(...text.split("`").map((part, place) => {
    if (place % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  }));
}

function showResults(newest) {
  $("nothing").hidden = newest.length > 0;
  const list = $("results");
  const wanted = newest.map((bookmark) => elementOf(bookmark));
  wanted.forEach((element, place) => {
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
  while (list.children.length > wanted.length) list.lastChild.remove();
  const kept = new Set(newest.map((bookmark) => bookmark.id));
  for (const id of shown.keys()) if (!kept.has(id)) shown.delete(id);
}

function elementOf(bookmark) {
  const text = JSON.stringify(bookmark);
  const known = shown.get(bookmark.id);
  if (known?.text === text) return known.element;
  const element = known?.element ?? newResult();
  fill(element, bookmark);
  shown.set(bookmark.id, { element, text });
  return element;
}

function newResult() {
  const element = $("result").content.firstElementChild.cloneNode(true);
  element.querySelector(".reading").addEventListener("toggle", () => read(element));
  return element;
}

async function read(element) {
  const { address, of } = element.dataset;
  const details = element.querySelector(".reading");
  if (!details.open || details.dataset.of === of) return;
  details.dataset.of = of; // what was read may change while somebody looks
  try {
    const content = await (await ask(address)).json();
    details.querySelector("pre").textContent = content.text;
    details.querySelector(".leads").replaceChildren(...content.links.map(lead));
  } catch (error) {
    delete details.dataset.of;
    details.querySelector("pre").textContent = error.message;
  }
}

function lead({ text, url }) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.textContent = text;
  link.rel = "noopener noreferrer";
  if (/^(https?:\/\/|mailto:)/i.test(url)) link.href = url;
  return item;
}

function fill(element, bookmark) {
  const put = (selector, text) => { element.querySelector(selector).textContent = text ?? ""; };
  const { analysis, error } = bookmark;
  put(".state", bookmark.job_state === "running" && bookmark.state === "queued" ? "running" : bookmark.state);
  element.querySelector(".state").dataset.state = bookmark.state;
  const link = element.querySelector("a");
  link.textContent = bookmark.title || bookmark.url;
  if (/^https?:\/\//i.test(bookmark.url)) link.href = bookmark.url; // never javascript: or data:
  put(".host", hostOf(bookmark.url));
  put(".user", bookmark.user);
  put(".strategy", STRATEGIES[bookmark.strategy] ?? "");
  put("time", moment(bookmark.updated_at));
  element.querySelector("time").dateTime = bookmark.updated_at;
  put(".summary", analysis?.summary);
  put(".sentence", error?.sentence);
  put(".error .advice", error?.advice);
  element.querySelector(".error").hidden = !error;
  element.querySelector(".chips").replaceChildren(...(analysis?.technologies ?? []).slice(0, 8).map(chip));
  put(".by", analysedBy(bookmark));
  element.dataset.address = `/v1/users/${encodeURIComponent(bookmark.user)}/bookmarks/${bookmark.id}/content`;
  element.dataset.of = bookmark.content?.fetched_at ?? "";
  element.querySelector(".reading").hidden = !bookmark.content;
  read(element);
  element.querySelector(".by").dataset.by = bookmark.analysed_by ?? "";
}

function chip(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

function hostOf(url) {
  try { return new URL(url).host; } catch { return ""; }
}

function analysedBy({ analysed_by: by, analysis }) {
  if (by === "gemini") return `Gemini (${analysis.model}), ${KEYS[analysis.key_source] ?? ""}`;
  return by === "heuristic" ? "Heuristic analyser, without a key" : "";
}

tokenFromAddress();
start();
