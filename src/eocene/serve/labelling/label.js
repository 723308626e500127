// The page on which a person labels: what the model asks for, a key for each class, and what it has learnt.

import { COLOURS, drawCurve, drawMap, drawNumbers, drawSeries } from "./draw.js";

const TOKEN = "eocene-token";
const NAME = decodeURIComponent(location.pathname.split("/").at(-1));
const HOME = `../labels/${encodeURIComponent(NAME)}`;
const KEYS = [..."123456789abcdefghijklnopqrstwxyz"];

const part = (id) => document.getElementById(id);
const desk = { state: null, queue: [], places: null, view: 0, work: Promise.resolve(), waiting: 0, showsGuess: false, round: -1 };

// --- the server -----------------------------------------------------------------------------------------

/** Ask the server; what it refuses becomes an Error in its words. */
async function ask(path, method = "GET", body = undefined, headers = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const answer = await fetch(path, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...headers,
    },
    body: body && JSON.stringify(body),
  }).catch(() => {
    throw new Error("The server can’t be reached. Nothing is lost: what is counted is kept.");
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const fault = new Error(told.message ?? `The server answered ${answer.status}.`);
  fault.status = answer.status;
  throw fault;
}

/** Do one thing after the other, and say what went wrong; a login that has ended is asked for again. */
function attempt(work) {
  desk.waiting += 1;
  desk.work = desk.work.then(work).then(
    () => {
      part("fault").hidden = true;
    },
    (fault) => {
      if (fault.status === 401 || fault.status === 403) showLogin();
      part("fault").textContent = fault.message;
      part("fault").hidden = fault.status === 401;
    },
  ).finally(() => {
    desk.waiting -= 1;
  });
}

/** Answer for what is shown now; a key that comes before the next sample is seen is none of its answers. */
function say(value) {
  const [now] = desk.queue;
  if (now) attempt(() => (desk.queue[0] === now ? answer(value) : undefined));
}

// --- what is done -----------------------------------------------------------------------------------------

async function begin() {
  desk.state = await ask(HOME);
  part("login").hidden = true;
  part("desk").hidden = false;
  part("name").textContent = desk.state.dataset;
  await fill();
  showClasses();
  await learnt();
  showQuestion();
}

/** Bring the queue up to what the server asks for now; what is shown stays until it is answered. */
async function fill() {
  const { samples } = await ask(`${HOME}/next?count=3`);
  const [now] = desk.queue;
  desk.queue = now ? [now, ...samples.filter((one) => one.sample !== now.sample)] : samples;
}

async function answer(value) {
  const [now] = desk.queue;
  if (!now) return;
  const state = await ask(HOME, "POST", { sample: now.sample, class: value });
  desk.state = state;
  desk.queue.shift();
  const index = desk.places?.sample.indexOf(now.sample) ?? -1;
  if (index >= 0) desk.places.labels[index] = value;
  const said = state.classes.find((one) => one.value === value);
  part("saved").textContent = said ? `Kept: ${said.name}` : "Kept: can’t tell";
  part("stage").style.setProperty("--said", colours().get(value) ?? "var(--line-strong)");
  if (desk.queue.length < 2) await fill();
  await learnt();
  showQuestion();
}

async function undo() {
  const told = await ask(HOME, "DELETE");
  desk.state = told.state;
  if (told.sample) {
    desk.queue = [told.sample, ...desk.queue.filter((one) => one.sample !== told.sample.sample)];
    const index = desk.places?.sample.indexOf(told.sample.sample) ?? -1;
    if (index >= 0) desk.places.labels[index] = null;
  }
  part("saved").textContent = told.sample ? "Taken back" : "Nothing to take back";
  part("stage").style.removeProperty("--said");
  showQuestion();
}

/** Take up a new round, if there is one: fresh answers for the map, and fresh questions. */
async function learnt() {
  if (desk.round === desk.state.round && desk.places) return;
  const isNext = desk.round >= 0 && desk.round < desk.state.round;
  desk.round = desk.state.round;
  desk.places = await ask(`${HOME}/places`);
  await fill();
  if (isNext) part("saved").textContent = `Round ${desk.round}: learnt from ${desk.state.labels} labels`;
}

/** Look again while the model learns, or while there is nothing to show. */
function watch() {
  if (desk.waiting || part("desk").hidden || (!desk.state.learning && desk.queue.length)) return;
  attempt(async () => {
    desk.state = await ask(HOME);
    const before = desk.queue[0]?.sample;
    if (!desk.queue.length) await fill();
    await learnt();
    if (desk.queue[0]?.sample === before) showProgress();
    else showQuestion();
  });
}

// --- what is shown ----------------------------------------------------------------------------------------

function colours() {
  return new Map(desk.state.classes.map((one, i) => [one.value, COLOURS[i % COLOURS.length]]));
}

function make(tag, more = {}, ...children) {
  const made = Object.assign(document.createElement(tag), more);
  made.append(...children);
  return made;
}

function showClasses() {
  const buttons = desk.state.classes.map((one, i) => {
    const button = make(
      "button", { type: "button" },
      make("kbd", { textContent: KEYS[i] ?? "" }), make("b", { textContent: one.name, title: one.name }),
      make("span"), make("i"),
    );
    button.style.setProperty("--mine", COLOURS[i % COLOURS.length]);
    button.addEventListener("click", () => say(one.value));
    return button;
  });
  part("classes").replaceChildren(...buttons);
}

function showQuestion() {
  const [now] = desk.queue;
  const picture = part("picture");
  picture.className = now ? "fresh" : "waiting";
  picture.replaceChildren(now ? showSample(now) : showNothing());
  const about = now ? [`${now.lat.toFixed(5)}, ${now.lon.toFixed(5)}`, ...Object.values(now.known)] : [];
  part("about").replaceChildren(
    ...(now ? [make("b", { textContent: `Sample ${now.sample}` })] : []),
    ...about.map((words) => make("span", { textContent: words })),
  );
  showProgress();
}

function showNothing() {
  const { learning, labels, skipped, pool } = desk.state;
  if (learning) return make("p", { textContent: "The model learns from what you said …" });
  const all = labels + skipped >= pool;
  return make("p", { textContent: all ? "Everything is labelled. Thank you." : "Others label what is asked just now." });
}

function showSample(now) {
  if (now.kind === "series") return drawSeries(now, part("picture").clientWidth);
  if (now.kind === "rows") return drawNumbers(now.numbers, part("picture").clientWidth);
  const view = now.views[desk.view % now.views.length];
  if (view.pictures.length === 1) return make("img", { src: view.pictures[0], alt: view.name, className: "one" });
  const figures = view.pictures.map((src, i) =>
    make("figure", {}, make("img", { src, alt: "" }), make("figcaption", { textContent: now.dates[i] ?? "" })),
  );
  return make("div", { className: "strip" }, ...figures);
}

function showProgress() {
  const { classes, labels, skipped, round, until_next: left, step, learning, curve, fault } = desk.state;
  const [now] = desk.queue;
  const buttons = [...part("classes").children];
  classes.forEach((one, i) => {
    const share = desk.showsGuess ? now?.guess?.[one.value] : undefined;
    buttons[i].querySelector("span").textContent = share === undefined ? one.labels : `${Math.round(100 * share)} %`;
    buttons[i].style.setProperty("--share", share ?? 0);
    buttons[i].disabled = !now;
  });
  part("skip").disabled = !now;
  part("view").hidden = !(now?.views?.length > 1);
  if (now?.views) part("view").querySelector("span").textContent = now.views[desk.view % now.views.length].name;
  part("count").replaceChildren(make("b", { textContent: labels }), ` labels${skipped ? `, ${skipped} skipped` : ""}`);
  part("step").className = learning ? "learning" : "";
  part("step").style.setProperty("--done", learning ? 1 : 1 - left / step);
  const wait = `${left} more until the model ${round ? "learns again" : "begins to learn"}`;
  part("round").textContent = fault || (learning ? "The model learns; go on meanwhile" : wait);
  part("curve").replaceChildren(
    curve.length ? drawCurve(curve) : make("p", { className: "soft", textContent: "After the first round, a curve." }),
  );
  if (desk.places) drawMap(part("map"), desk.places, colours(), now ?? { lon: desk.places.lon[0], lat: desk.places.lat[0] });
}

function showLogin() {
  sessionStorage.removeItem(TOKEN);
  part("desk").hidden = true;
  part("login").hidden = false;
}

// --- hands ------------------------------------------------------------------------------------------------

function press(event) {
  if (part("desk").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  const index = KEYS.indexOf(key);
  const acts = {
    " ": () => say(null),
    backspace: () => attempt(undo),
    m: () => part("guess").click(),
    v: () => part("view").click(),
  };
  const act = acts[key] ?? (index >= 0 && index < desk.state.classes.length ? () => part("classes").children[index].click() : null);
  if (!act) return;
  event.preventDefault();
  act();
}

part("skip").addEventListener("click", () => say(null));
part("undo").addEventListener("click", () => attempt(undo));
part("guess").addEventListener("click", () => {
  desk.showsGuess = !desk.showsGuess;
  part("guess").setAttribute("aria-pressed", desk.showsGuess);
  showProgress();
});
part("view").addEventListener("click", () => {
  desk.view += 1;
  showQuestion();
});
part("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const { user, password } = Object.fromEntries(new FormData(event.target));
  const words = new TextEncoder().encode(`${user}:${password}`);
  const basic = btoa(String.fromCharCode(...words));
  attempt(async () => {
    sessionStorage.removeItem(TOKEN);
    const told = await ask("../openeo/1.2/credentials/basic", "GET", undefined, { Authorization: `Basic ${basic}` });
    sessionStorage.setItem(TOKEN, `basic//${told.access_token}`);
    await begin();
  });
});
document.addEventListener("keydown", press);
window.addEventListener("resize", () => desk.state && showQuestion());
setInterval(watch, 400);

// The command that began the labelling hands its token over behind the #, which is sent to no server.
const handed = new URLSearchParams(location.hash.slice(1)).get("token");
if (handed) {
  sessionStorage.setItem(TOKEN, `basic//${handed}`);
  history.replaceState(null, "", location.pathname);
}
if (sessionStorage.getItem(TOKEN)) attempt(begin);
else showLogin();
