// Pictures: the curves of a sample, its numbers, the curve of learning, the map. No library, no page state.

export const COLOURS = [
  "#2f7d5b", "#d08a2e", "#3f77b5", "#b8493f", "#7c5cbf", "#8a9a2f", "#2f9ba0", "#c25f93", "#7b6a58",
];
const INKS = ["#b8493f", "#2f7d5b", "#3f77b5", "#d08a2e", "#7c5cbf", "#2f9ba0", "#c25f93", "#8a9a2f"];
const KNOWN = {
  B02: "#3f77b5", blue: "#3f77b5", B03: "#2f7d5b", green: "#2f7d5b", B04: "#b8493f", red: "#b8493f",
  B08: "#d08a2e", nir: "#d08a2e",
};
const SPACE = "http://www.w3.org/2000/svg";

/** Return an SVG element with attributes and children, which may be text. */
function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function text(x, y, words, more = {}) {
  return svg("text", { x, y, fill: "var(--soft)", "font-size": 12, ...more }, words);
}

/** Return a colour for each band: that of its light where it has one, else one that no other has. */
function chooseInks(names) {
  const own = names.map((name) => KNOWN[name]);
  const free = INKS.filter((ink) => !own.includes(ink));
  let taken = 0;
  return own.map((ink) => ink ?? (free.length ? free : INKS)[taken++ % (free.length || INKS.length)]);
}

/** Return the ends of a scale, and how a value is written on it. */
function write(value) {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : value.toFixed(2);
}

/** Split points at missing values, so that a curve has gaps where nothing was seen. */
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point === null) found.push([]);
    else found.at(-1).push(point);
  }
  return found.filter((run) => run.length);
}

/** Return the curves of a series: on one scale if the bands are of one size, else each on its own. */
export function drawSeries({ dates, curves }, room) {
  const width = Math.max(320, Math.min(room, 900));
  const [height, left, right, top, bottom] = [width < 600 ? 280 : 380, 48, 66, 24, 34];
  const lows = curves.map((curve) => curve.low);
  const highs = curves.map((curve) => curve.high);
  const spans = curves.map((curve) => curve.high - curve.low);
  const shared = Math.max(...highs) - Math.min(...lows) < 6 * Math.min(...spans);
  const times = dates.map((date) => Date.parse(date));
  const timed = times.every(Number.isFinite);
  const place = (i) => {
    if (dates.length < 2) return left;
    const share = timed ? (times[i] - times[0]) / (times.at(-1) - times[0]) : i / (dates.length - 1);
    return left + share * (width - left - right);
  };
  const rise = (value, curve) => {
    const [low, high] = shared ? [Math.min(...lows), Math.max(...highs)] : [curve.low, curve.high];
    const share = Math.max(-0.03, Math.min(1.03, (value - low) / (high - low)));
    return height - bottom - share * (height - top - bottom);
  };
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Series" });
  for (const share of [0, 0.5, 1]) {
    const y = height - bottom - share * (height - top - bottom);
    drawn.append(svg("line", { x1: left, x2: width - right, y1: y, y2: y, stroke: "var(--line)" }));
    const value = Math.min(...lows) + share * (Math.max(...highs) - Math.min(...lows));
    if (shared) drawn.append(text(left - 8, y + 4, write(value), { "text-anchor": "end" }));
  }
  const every = Math.ceil((dates.length * 86) / (width - left - right));
  dates.forEach((date, i) => {
    if (i % every === 0) drawn.append(text(place(i), height - 10, date, { "text-anchor": "middle" }));
  });
  if (!shared) drawn.append(text(left, 12, "each band on its own scale", { "font-size": 11 }));
  const ends = [];
  const inks = chooseInks(curves.map((curve) => curve.name));
  curves.forEach((curve, number) => {
    const ink = inks[number];
    const points = curve.values.map((value, i) => (value === null ? null : [place(i), rise(value, curve)]));
    for (const run of runs(points)) {
      const line = run.map((point) => point.map((n) => n.toFixed(1)).join(",")).join(" ");
      drawn.append(svg("polyline", { points: line, fill: "none", stroke: ink, "stroke-width": 2 }));
    }
    for (const point of points.filter(Boolean)) {
      drawn.append(svg("circle", { cx: point[0], cy: point[1], r: 3, fill: ink }));
    }
    const last = points.filter(Boolean).at(-1);
    if (last) ends.push({ y: last[1], ink, name: curve.name });
  });
  ends.sort((a, b) => a.y - b.y);
  let free = top;
  for (const end of ends) {
    free = Math.max(end.y, free);
    drawn.append(text(width - right + 10, free + 4, end.name, { fill: end.ink, "font-weight": 600 }));
    free += 15;
  }
  return drawn;
}

/** Return the numbers of a row as marks between what is low and what is high in the pool. */
export function drawNumbers(numbers, room) {
  const width = Math.max(320, Math.min(room, 900));
  const [left, right, step] = [width < 600 ? 110 : 220, 64, 26];
  const shown = numbers.slice(0, 40);
  const height = shown.length * step + 20;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Numbers" });
  shown.forEach(({ name, value, low, high }, i) => {
    const y = 22 + i * step;
    drawn.append(text(left - 14, y + 4, name, { "text-anchor": "end", fill: "var(--ink)" }));
    drawn.append(svg("line", {
      x1: left, x2: width - right, y1: y, y2: y, stroke: "var(--line-strong)", "stroke-width": 2,
    }));
    if (value === null) return;
    const share = Math.max(0, Math.min(1, (value - low) / (high - low)));
    drawn.append(svg("circle", { cx: left + share * (width - left - right), cy: y, r: 6, fill: "var(--accent)" }));
    drawn.append(text(width - right + 14, y + 4, write(value)));
  });
  return drawn;
}

const LINES = [
  ["macro_f1", "macro F1, test set", "var(--ink)"],
  ["agreed", "model guessed what you said", "var(--accent)"],
  ["stayed", "answers that stayed", "var(--warm)"],
];

/** Return how well the model did before each round, over the number of labels. */
export function drawCurve(curve) {
  const [width, height, left, right, top, bottom] = [308, 182, 36, 10, 10, 62];
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Curve of learning" });
  const most = Math.max(...curve.map((point) => point.labels), 1);
  const least = Math.min(...curve.map((point) => point.labels), most);
  const place = (labels) => left + ((labels - least) / Math.max(most - least, 1)) * (width - left - right);
  const rise = (value) => height - bottom - value * (height - top - bottom);
  for (const share of [0, 0.5, 1]) {
    const y = rise(share);
    drawn.append(svg("line", { x1: left, x2: width - right, y1: y, y2: y, stroke: "var(--line)" }));
    drawn.append(text(left - 6, y + 4, `${100 * share}%`, { "text-anchor": "end", "font-size": 10 }));
  }
  drawn.append(text(left, height - bottom + 14, `${least}`, { "font-size": 10 }));
  drawn.append(text(width - right, height - bottom + 14, `${most} labels`, { "font-size": 10, "text-anchor": "end" }));
  let row = 0;
  for (const [key, words, ink] of LINES) {
    const points = curve.filter((point) => point[key] !== null && point[key] !== undefined);
    if (!points.length) continue;
    const line = points.map((point) => `${place(point.labels).toFixed(1)},${rise(point[key]).toFixed(1)}`);
    drawn.append(svg("polyline", { points: line.join(" "), fill: "none", stroke: ink, "stroke-width": 2 }));
    const [x, y] = line.at(-1).split(",");
    drawn.append(svg("circle", { cx: x, cy: y, r: 3.5, fill: ink }));
    const level = height - bottom + 30 + 14 * row++;
    drawn.append(svg("circle", { cx: left + 3, cy: level - 4, r: 3.5, fill: ink }));
    const value = `${Math.round(100 * points.at(-1)[key])} %`;
    drawn.append(text(left + 14, level, `${words}, ${value}`, { "font-size": 11 }));
  }
  return drawn;
}

/** Draw the places: labelled ones large, others as the model answers, a ring around the sample that is asked. */
export function drawMap(canvas, places, colours, now) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const all = { lon: [...places.lon, now.lon], lat: [...places.lat, now.lat] };
  const [west, east] = [all.lon.reduce((a, b) => Math.min(a, b)), all.lon.reduce((a, b) => Math.max(a, b))];
  const [south, north] = [all.lat.reduce((a, b) => Math.min(a, b)), all.lat.reduce((a, b) => Math.max(a, b))];
  const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const room = 12;
  const scale = Math.min(
    (width - 2 * room) / Math.max((east - west) * narrow, 1e-9),
    (height - 2 * room) / Math.max(north - south, 1e-9),
  );
  const at = (lon, lat) => [
    width / 2 + (lon - (west + east) / 2) * narrow * scale,
    height / 2 - (lat - (south + north) / 2) * scale,
  ];
  const style = getComputedStyle(canvas);
  const dot = (i, radius, value, alpha) => {
    const [x, y] = at(places.lon[i], places.lat[i]);
    pen.globalAlpha = alpha;
    pen.fillStyle = colours.get(value) ?? style.getPropertyValue("--line-strong");
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fill();
  };
  places.answers.forEach((value, i) => dot(i, 2, value, 0.55));
  places.labels.forEach((value, i) => value !== null && dot(i, 4, value, 1));
  pen.globalAlpha = 1;
  pen.strokeStyle = style.getPropertyValue("--ink");
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(...at(now.lon, now.lat), 7, 0, 7);
  pen.stroke();
}
