// <eu-history>: defocus, error, drift and χ² over time, by node and step; a row opens the stored pair, map and numbers, and
// makes the measurement again.

import { clock, dated, fill, h, minus } from "./dom.js";
import { Source, ask, link, say } from "./link.js";
import { Curve, axis, colours } from "./plots.js";

const TINTS = ["--accent", "--mark", "--good", "--violet", "--olive", "--dim"];
// Scales over many decades: of what is positive, and to both sides of 0, straight between ±10 nm.
const LINEAR_UM = 0.01, LABEL_PX = 13, LABEL_LOG_PX = 21;
const LOG = { distr: 3 }, BOTH = { distr: 4, asinh: LINEAR_UM, range: (_, low, high) => [Math.min(3 * low, -LINEAR_UM), Math.max(3 * high, LINEAR_UM)] };
const PLOTS = [
  ["Defocus", "µm; by powers of ten beyond ±0.01", (one) => (one.c1_m === null ? null : one.c1_m * 1e6), BOTH],
  ["Error, 1 σ", "nm", (one) => (one.total_sigma_m === null ? null : one.total_sigma_m * 1e9), LOG],
  ["Drift", "nm/s", (one) => (one.drift_m_per_s === null ? null : one.drift_m_per_s * 1e9), LOG],
  ["χ² per degree", "", (one) => one.chi2_per_dof, LOG],
];
const TIMES_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000];

// Where an axis over decades is labelled: powers of ten, to both sides of 0 where it has both; where there is no room every
// second one or fewer, and where there are too few the 2 and 5 between them.
function decades(plot, _axis, low, high) {
  const both = plot.scales.y.distr === 4, top = Math.max(Math.abs(low), Math.abs(high));
  const from = Math.floor(Math.log10(both ? LINEAR_UM : low)), to = Math.ceil(Math.log10(top));
  const room = (values) => values.every((v, k) => !k || Math.abs(plot.valToPos(v, "y") - plot.valToPos(values[k - 1], "y")) >= (both ? LABEL_PX : LABEL_LOG_PX));
  const shown = (sizes) => [...(both ? [...sizes.map((v) => -v).reverse(), 0] : []), ...sizes].filter((v) => v >= low && v <= high);
  const powers = Array.from({ length: to - from + 1 }, (_, k) => to - k);
  const fine = powers.toReversed().flatMap((p) => [1, 2, 5].map((m) => m * 10 ** p));
  if (shown(fine).length < 6 && room(shown(fine))) return shown(fine);
  for (let every = 1; every < 12; every++) {
    const values = shown(powers.filter((p) => (p - (both ? 1 : 0)) % every === 0).map((p) => 10 ** p).reverse());
    if (room(values)) return values;
  }
  return shown([]);
}

// Whose a measurement is: of another instrument than the page's that is told, too.
const by = (one) => `${one.instrument === link.about?.instrument ? "" : `${one.instrument} · `}${one.node ? `${one.node} · ` : ""}${one.step}`;

// A stored measurement, as a source of what shows pictures; pictures are fetched when they are looked at.
class Stored extends Source {
  constructor(number, query = "") {
    super();
    this._path = `/history/measurements/${number}`;
    this._query = query;
    this._asked = new Set();
    this.nothing = "Loading the stored images …";
  }

  async open() {
    await Promise.all([this._picture("images"), this._picture("spectrum"), this._picture("map"), link.call("GET", `${this._path}/curves${this._query}`).then((told) => this.put("curves", told))]);
  }

  want(_who, kinds) {
    for (const kind of kinds) {
      if (this._asked.has(kind) || !kind.startsWith("map-")) continue; // its images are as sharp as they are
      this._asked.add(kind);
      const method = kind.replace("map-", "");
      Promise.all([this._picture(kind), link.call("GET", `${this._path}/cuts/${method}${this._query}`).then((told) => this.put(`cut-${method}`, told))]).catch((error) => say(error.message, "bad"));
    }
  }

  async _picture(kind) {
    this.put(kind, await link.picture(`${this._path}/pictures/${kind}${this._query}`));
  }
}

class History extends HTMLElement {
  connectedCallback() {
    this._rows = [];
    this.most = 500; // of one list; what is older is asked for
    this._skip = 0;
    this._session = h("select", { "aria-label": "Session", onchange: () => this.load(0) }, h("option", { value: "" }, "all sessions"));
    this._by = h("select", { "aria-label": "Node and step", onchange: () => this._draw() }, h("option", { value: "" }, "all steps"));
    this._refused = h("input", { type: "checkbox", onchange: () => this._draw() });
    this._all = h("input", { type: "checkbox", onchange: () => this.load(0) });
    this._count = h("span.note");
    this._older = h("button.quiet", { type: "button", onclick: () => this.load(this._skip + this._rows.length) }, "Older");
    this._newest = h("button.quiet", { type: "button", onclick: () => this.load(0) }, "Newest");
    this._legend = h("div.legend");
    this._plots = PLOTS.map(([title, unit, value, scale]) => {
      const place = h("div.plot");
      return { place, value, scale, element: h("figure", h("figcaption", `${title}${unit ? ` (${unit})` : ""}`), place), curve: new Curve(place, (c) => this._options(c, scale)) };
    });
    this._body = h("tbody");
    this._table = h("div.rows-of", { tabindex: 0, "aria-label": "Measurements" }, h("table", h("thead", h("tr", ["Time", "Node, step", "Defocus ± 1 σ", "Verdict"].map((one) => h("th", one)))), this._body));
    this._detail = h("section.panel.detail", h("p.empty", "Choose a measurement: its images, maps and numbers are shown here."));
    fill(this, h("section.panel.over", h("div.bar", h("h2", "History"), this._session, this._by, h("label.check-label", this._refused, "refused only"), h("label.check-label", { title: "Also what other instruments have in the same records" }, this._all, "all instruments"), h("span.grow"), this._count, this._older, this._newest, h("button.quiet", { type: "button", onclick: () => this.load() }, "Refresh")), h("div.four", this._plots.map((one) => one.element)), this._legend),
      h("section.panel.table", this._table), this._detail);
    link.on("about", (about) => about && this._about(about));
    link.on("drive", (drive) => this._ran(drive));
  }

  _about(about) {
    if (!about.history) return fill(this, h("section.panel", h("p.empty", "There are no records to look back at here.")));
    const first = !this._ready;
    this._ready = true;
    if (first && this._at) this.open(this._at);
    return this.offsetParent && this.load();
  }

  _ran(drive) {
    const over = drive?.phase === "idle" && this._running;
    this._running = drive?.phase !== "idle";
    if (over && this._ready && this.offsetParent !== null) this.load();
  }

  shown() {
    if (this._ready) this.load();
  }

  // `skip`: so many of the newest are passed over; without it as before.
  async load(skip = this._skip) {
    const turn = (this._turn = (this._turn ?? 0) + 1);
    try {
      const session = this._session.value, only = this._all.checked ? "" : link.about.instrument;
      const query = new URLSearchParams({ limit: this.most, skip, ...(session && { session }), ...(only && { instrument: only }) });
      const [rows, sessions] = await Promise.all([link.call("GET", `/history/measurements?${query}`), link.call("GET", "/history/sessions").catch(() => [])]);
      if (turn !== this._turn) return; // asked anew meanwhile
      this._rows = rows;
      this._skip = skip;
      this._older.hidden = rows.length < this.most;
      this._newest.hidden = !skip;
      fill(this._session, h("option", { value: "" }, "all sessions"), sessions.filter((one) => !only || one.instrument === only).map((one) => h("option", { value: one.id }, `${one.application}, ${dated(one.at)}`)));
      this._session.value = session;
      if (this._session.selectedIndex < 0) { // it is another instrument's
        this._session.value = "";
        return this.load(0);
      }
      const chosen = this._by.value, names = [...new Set(rows.map(by))];
      fill(this._by, h("option", { value: "" }, "all steps"), names.map((one) => h("option", one)));
      this._by.value = names.includes(chosen) ? chosen : "";
      this._names = names;
      this._draw();
    } catch (error) {
      say(error.message, "bad");
    }
  }

  _draw() {
    const rows = this._rows.filter((one) => (!this._by.value || by(one) === this._by.value) && (!this._refused.checked || one.accepted === false));
    this._shownRows = rows;
    const span = rows.length && (this._skip || !this._older.hidden) ? `, ${dated(rows[0].at)} to ${dated(rows.at(-1).at)}` : "";
    this._count.textContent = `${rows.length} measurement${rows.length === 1 ? "" : "s"}${span}`;
    this._series = this._names.filter((name) => rows.some((one) => by(one) === name));
    fill(this._legend, this._series.map((name) => h("span", h("i", { "data-tint": this._names.indexOf(name) % TINTS.length }), name)), rows.some((one) => one.accepted === false) ? h("span", h("i.cross"), "refused") : null);
    const times = rows.map((one) => new Date(one.at).getTime() / 1000);
    for (const plot of this._plots) {
      const of = (test) => rows.map((one) => (test(one) ? plot.value(one) : null)).map((v) => (plot.scale === LOG && v !== null && v <= 0 ? null : v));
      if (rows.length) plot.curve.draw([times, ...this._series.map((name) => of((one) => by(one) === name && one.accepted)), of((one) => one.accepted === false)]);
      else plot.curve.clear();
    }
    const tone = (one) => (one.accepted ? "good" : one.accepted === false ? "bad" : "care");
    const days = rows.length && dated(rows[0].at).slice(0, 10) !== dated(rows.at(-1).at).slice(0, 10);
    fill(this._body, [...rows].reverse().map((one) => h("tr", { tabindex: 0, "data-id": one.id, "aria-current": String(one.id === this._at), onclick: () => this.open(one.id), onkeydown: (event) => event.key === "Enter" && this.open(one.id) },
      h("td", { title: dated(one.at) }, days ? dated(one.at) : clock(one.at)), h("td", { title: one.target }, by(one)), h(`td.number${one.accepted ? "" : ".faint"}`, one.defocus), h("td", { "data-tone": tone(one), title: one.sentence ?? "" }, one.accepted ? "accepted" : one.accepted === false ? one.reason ?? "refused" : "cut off"))));
    if (!rows.length) fill(this._body, h("tr", h("td.empty", { colspan: 4 }, "Nothing was recorded yet.")));
  }

  _options(c, scale) {
    const tint = (name) => colours()[TINTS[this._names.indexOf(name) % TINTS.length].slice(2)];
    const dots = (colour) => ({ stroke: colour, width: 0, paths: () => null, points: { show: true, size: 6, fill: colour, stroke: colour } });
    const times = [60, "{HH}:{mm}", null, null, null, null, null, null, 1];
    return {
      cursor: { drag: { x: true, y: false }, sync: { key: "history" } },
      scales: { x: { time: true }, y: scale },
      series: [{}, ...this._series.map((name) => dots(tint(name))), { ...dots(c.bad), points: { show: true, size: 8, stroke: c.bad, fill: "transparent", width: 1.5 } }],
      axes: [axis(c, undefined, { labelSize: 0, space: 58, incrs: TIMES_S, values: [[86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1], times, [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] }), axis(c, undefined, { labelSize: 0, size: 48, splits: decades, filter: (_, all) => all, values: (_, all) => all.map((v) => minus(v >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(0).replace("+", "") : Number(v.toPrecision(3)))) })],
      hooks: { init: [(plot) => plot.over.addEventListener("click", () => { const one = this._shownRows[plot.cursor.idx]; if (one) this.open(one.id); })] },
    };
  }

  // What is open, as the address has it.
  get opened() {
    return this._at ? String(this._at) : "";
  }

  go(address) {
    const number = Number(address);
    if (!Number.isInteger(number) || number < 1 || number === this._at) return;
    this._at = number;
    if (this._ready) this.open(number);
  }

  async open(number) {
    this._at = number;
    document.dispatchEvent(new Event("eu-open"));
    for (const row of this._body.querySelectorAll("tr")) row.setAttribute("aria-current", String(Number(row.dataset.id) === number));
    try {
      const told = await link.call("GET", `/history/measurements/${number}`);
      if (this._at === number) this._show(number, told);
    } catch (error) {
      say(error.message, "bad");
    }
  }

  _show(number, told) {
    this._again = h("div.again");
    this._views = h("div.views");
    const { row } = told;
    fill(this._detail, h("div.bar", h("h2", `Measurement ${number}`), h("span", `${by(row)}${row.target ? ` · ${row.target}` : ""}`), h("span.grow"), h("span.note", dated(row.at))),
      h("div.split", this._views, h("div.numbers", this._reading = h("eu-reading"), h("dl.rows.facts", told.facts.map((one) => [h("dt", one.name), h("dd", one.value)])), this._again)));
    this._reading.source = new Source();
    this._reading.show(told.reading, null);
    if (told.gone || !told.reading) return fill(this._views, h("p.empty", told.gone ?? "It was cut off before it was measured."));
    if (told.can_be_made_again) this._form(number, told);
    else fill(this._again, h("p.faint", told.why_not_again));
    return this._pictures(number, "");
  }

  async _pictures(number, query) {
    const stored = new Stored(number, query);
    const make = (tag) => Object.assign(h(tag), { source: stored });
    const [pair, map, cut, coherence, spectrum] = ["eu-pair", "eu-map", "eu-cut", "eu-coherence", "eu-spectrum"].map(make);
    fill(this._views, pair, h("div.lower", map, h("div", cut, h("div.two", coherence, spectrum))));
    this._views.onkeydown = null;
    this._parts = { pair, map };
    this._views.addEventListener("eu-pair", (event) => { for (const one of [map, cut, coherence]) one.which = event.detail; map.paint(); cut.show(); coherence.show(); });
    this._views.addEventListener("eu-map", (event) => { cut.kind = event.detail; cut.show(); });
    await stored.open().catch((error) => {
      stored.put("nothing", error.message);
      say(error.message, "bad");
    });
  }

  _form(number, told) {
    const method = h("select", { name: "method" }, h("option", { value: "" }, "as it was"), told.methods.map((one) => h("option", one)));
    const cs = h("input", { name: "cs_mm", type: "text", placeholder: "as it was", title: "Spherical aberration, mm" });
    const scale = h("input", { name: "tilt_scale", type: "text", value: "1", title: "Factor on all beam tilts, as of another calibration" });
    const said = h("p.note", { role: "status" });
    const make = h("button", { type: "submit" }, "Measure again");
    const line = (title, input) => h("label.row", h("span", title), input);
    // What stands in a field; where it is no number of its range that is said, and nothing is made.
    const read = (input, low, high, words) => {
      const text = input.value.trim().replace("−", "-"), value = Number(text);
      const good = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) && value >= low && value <= high;
      input.setAttribute("aria-invalid", String(!good));
      if (!good) said.textContent = `'${input.value}' is no ${words}`;
      return good ? value : null;
    };
    const form = h("form", { onsubmit: async (event) => {
      event.preventDefault();
      cs.setAttribute("aria-invalid", "false");
      const tilt_scale = read(scale, 0.1, 10, "tilt factor. Write a number from 0.1 to 10, with a point: 1.02");
      const cs_mm = cs.value.trim() ? read(cs, -50, 50, "spherical aberration. Write it in mm, from −50 to 50, with a point: 1.2; or nothing: as it was") : undefined;
      if (tilt_scale === null || cs_mm === null) return;
      const wanted = { ...(method.value && { method: method.value }), ...(cs_mm !== undefined && { cs_mm }), tilt_scale };
      make.disabled = true;
      const now = await ask("POST", `/history/measurements/${number}/again`, wanted);
      make.disabled = false;
      if (!now) return;
      said.textContent = now.said;
      this._reading.show(now.reading, null);
      const query = new URLSearchParams(wanted).toString();
      await this._pictures(number, `?${query}`);
    } }, h("h3", "Measure again, with"), line("Correlation", method), line("Cs (mm)", cs), line("Tilt factor", scale), h("div.bar", make), said);
    fill(this._again, form);
  }

  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const rows = [...this._body.querySelectorAll("tr[data-id]")], at = rows.findIndex((one) => Number(one.dataset.id) === this._at);
      const next = rows[Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), rows.length - 1)];
      if (next) {
        next.scrollIntoView({ block: "nearest" });
        this.open(Number(next.dataset.id));
      }
      return true;
    }
    return Boolean(this._parts && (this._parts.pair.key(event) || this._parts.map.key(event)));
  }
}

customElements.define("eu-history", History);
