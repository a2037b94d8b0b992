// Curves with uPlot: <eu-cut> through the peak, <eu-coherence> against spatial frequency, <eu-spectrum>; and Curve for others.

import { digits, fill, h, lengthLabel, minus, round125 } from "./dom.js";
import { link } from "./link.js";
import { Tile, fitted, label, soon, token } from "./pixels.js";

export class Curve {
  // `make(colours)` gives uPlot's options without size; drawn anew when the theme or the size changes.
  constructor(place, make) {
    this._place = place;
    this._make = make;
    new ResizeObserver(() => this._sized()).observe(place);
    document.addEventListener("eu-theme", () => this.draw(this._data));
  }

  draw(data) {
    this._data = data;
    const { clientWidth: width, clientHeight: height } = this._place;
    this._plot?.destroy();
    this._plot = null; // of what is not seen now: drawn when it is, in the colours of then
    if (!data || width < 60 || height < 60) return;
    this._plot = new uPlot({ width, height, legend: { show: false }, cursor: { drag: { x: true, y: false } }, ...this._make(colours()) }, data, this._place);
  }

  clear() {
    this._plot?.destroy();
    this._plot = this._data = null;
  }

  _sized() {
    const { clientWidth: width, clientHeight: height } = this._place;
    if (this._plot && width > 60 && height > 60) this._plot.setSize({ width, height });
    else this.draw(this._data);
  }
}

export function colours() {
  const names = ["text", "dim", "line", "panel", "good", "bad", "care", "accent", "mark", "violet", "olive"];
  return Object.fromEntries(names.map((name) => [name, token(`--${name}`)]));
}

export function axis(tints, text, more = {}) {
  return { stroke: tints.dim, grid: { stroke: tints.line, width: 1 }, ticks: { stroke: tints.line, width: 1, size: 4 }, font: `11px ${token("--font")}`, labelFont: `11px ${token("--font")}`, label: text, labelSize: 14, size: 26, gap: 3, values: (_, all) => all.map((v) => (v === null ? "" : minus(Number(v.toPrecision(6))))), ...more };
}

// Bands behind a curve: [[from, to], …] in units of x.
export function bands(list, colour) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour;
    for (const [from, to] of list()) {
      const left = plot.valToPos(from, "x", true), right = plot.valToPos(to, "x", true);
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };
}

// Upright lines: [[x, colour, dash, text], …].
export function uprights(list) {
  return (plot) => {
    const { ctx, bbox } = plot, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.font = `${11 * ratio}px ${token("--font")}`;
    for (const [k, [at, colour, dash, text]] of list().entries()) {
      const x = plot.valToPos(at, "x", true);
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
      ctx.strokeStyle = ctx.fillStyle = colour;
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash(dash.map((d) => d * ratio));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const right = x > bbox.left + bbox.width * 0.72;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText(text, x + (right ? -5 : 5) * ratio, bbox.top + (12 + 14 * k) * ratio);
    }
    ctx.restore();
  };
}

function runs(x, flags, wanted) {
  const out = [];
  flags.forEach((flag, k) => {
    if (flag !== wanted) return;
    const from = k ? (x[k - 1] + x[k]) / 2 : x[k], to = k < x.length - 1 ? (x[k] + x[k + 1]) / 2 : x[k];
    if (out.length && Math.abs(out.at(-1)[1] - from) < 1e-9) out.at(-1)[1] = to;
    else out.push([from, to]);
  });
  return out;
}

class Panel extends HTMLElement {
  connectedCallback() {
    this.source ??= link;
    this.which = 0;
    this.place = h("div.plot");
    this.note = h("p.note");
    this.empty = h("p.empty", this.nothing);
    fill(this, h("div.bar", h("h2", this.title_), h("span.grow"), this.note), this.place, this.empty);
    this.has(null);
    this.begin();
  }

  // Without data the sentence, else the curve.
  has(data) {
    this.empty.hidden = Boolean(data);
    this.place.hidden = !data;
  }
}

class Cut extends Panel {
  title_ = "Cut through the peak";
  nothing = "No correlation yet";

  begin() {
    this.kind = "";
    this.curve = new Curve(this.place, (c) => this._options(c));
    this.source.on("curves", () => this.show());
    for (const method of ["cross", "phase"]) this.source.on(`cut-${method}`, () => this.show());
  }

  show() {
    const curves = this.source.newest.get("curves"), told = curves?.links[this.which];
    const raw = this.kind ? this.source.newest.get(`cut-${this.kind}`) : null;
    const cut = this.kind ? (raw?.number === curves?.number ? raw?.cuts[this.which] : null) : told?.cut;
    this.has(cut);
    this.note.textContent = cut && curves.offset ? `at ${curves.offset}` : "";
    this.note.title = this.note.textContent && `taken ${this.note.textContent} on purpose`;
    if (!cut) return;
    this._cut = cut;
    this._told = told;
    this.curve.draw([cut.along_px, cut.values]);
  }

  _options(c) {
    const cut = this._cut, { line } = this._told;
    const um = (px) => ((px - line.offset_px[0] * line.unit[0] - line.offset_px[1] * line.unit[1]) / line.px_per_m) * 1e6;
    const px = (value) => value * 1e-6 * line.px_per_m + line.offset_px[0] * line.unit[0] + line.offset_px[1] * line.unit[1];
    const rival = this.kind || !this._told.rival_px ? null : this._told.rival_px[0] * line.unit[0] + this._told.rival_px[1] * line.unit[1];
    const marks = () => [[cut.peak_px, c.good, [], "peak"], ...(rival === null ? [] : [[rival, c.bad, [3, 3], "runner-up"]])];
    const splits = (_plot, _axis, low, high) => {
      const step = round125((um(high) - um(low)) / 3.2), out = [];
      for (let v = Math.ceil(um(low) / step) * step; v <= um(high); v += step) out.push(px(v));
      return out;
    };
    return {
      scales: { x: { time: false }, y: { range: (_, low) => [Math.min(low, 0) - 0.05, 1.12] } },
      series: [{}, { stroke: c.accent, width: 1.2, points: { show: false } }],
      axes: [axis(c, "shift along the tilt (px)"), axis(c, "correlation", { size: 38 }), axis(c, "defocus as taken (µm; + is overfocus)", { scale: "x", side: 0, grid: { show: false }, splits, values: (_, all) => all.map((v) => minus(Number(um(v).toPrecision(4)))) })],
      hooks: { drawAxes: [bands(() => runs(cut.along_px, cut.searched, false), `${c.dim}22`)], draw: [uprights(marks)] },
    };
  }
}

class Coherence extends Panel {
  title_ = "Coherence";
  nothing = "No coherence is stated";

  begin() {
    this.curve = new Curve(this.place, (c) => this._options(c));
    this.source.on("curves", () => this.show());
  }

  show() {
    const told = this.source.newest.get("curves")?.links[this.which]?.coherence;
    this.has(told);
    this.note.textContent = "";
    if (!told) return;
    this._told = told;
    const used = runs(told.frequency_per_nm, told.used, true);
    this.note.textContent = used.length ? `used to ${digits(used.at(-1)[1])} 1/nm` : "none used";
    this.curve.draw([told.frequency_per_nm, told.gamma, told.noise]);
  }

  _options(c) {
    const told = this._told;
    return {
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.max(Math.min(low, 0) - 0.03, -0.3), Math.min(Math.max(high * 1.1, 0.1), 1.05)] } },
      series: [{}, { stroke: c.accent, width: 1.4, points: { show: false } }, { stroke: c.dim, width: 1, dash: [4, 4], points: { show: false } }],
      axes: [axis(c, "spatial frequency (1/nm)"), axis(c, "coherence γ", { size: 38 })],
      hooks: { drawAxes: [bands(() => runs(told.frequency_per_nm, told.used, true), `${c.good}2e`)] },
    };
  }
}

class Spectrum extends Panel {
  title_ = "Power spectrum";
  nothing = "No image yet";

  begin() {
    this.tile = new Tile();
    this.canvas = h("canvas", { role: "img", "aria-label": "Power spectrum of the first image" });
    this.place.append(this.canvas);
    this._paint = soon(() => this.paint());
    new ResizeObserver(() => this._paint()).observe(this.place);
    this.source.on(this.getAttribute("kind") ?? "spectrum", (packet) => {
      this.has(packet);
      this.packet = packet;
      this._paint();
    });
    document.addEventListener("eu-theme", () => this._paint());
  }

  paint() {
    if (!this.packet || this.offsetParent === null) return;
    const context = fitted(this.canvas), width = this.canvas.clientWidth, height = this.canvas.clientHeight, side = Math.min(width, height);
    const picture = this.tile.draw(this.packet.planes[0]);
    context.fillStyle = token("--panel");
    context.fillRect(0, 0, width, height);
    const left = (width - side) / 2, top = (height - side) / 2;
    context.drawImage(picture, left, top, side, side);
    const edge = this.packet.edge_per_m, radius = side / 2;
    const ring = round125(edge * 0.6);
    context.strokeStyle = "rgba(255, 255, 255, 0.35)";
    context.setLineDash([3, 4]);
    context.beginPath();
    context.arc(left + radius, top + radius, (ring / edge) * radius, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    label(context, `1/(${lengthLabel(1 / ring)})`, left + radius, top + radius - (ring / edge) * radius - 4, { align: "center", size: 11 });
    this.note.textContent = `edge ${lengthLabel(Number((1 / edge).toPrecision(3)))}`;
    this.rings?.(context, left + radius, top + radius, radius / edge);
  }
}

customElements.define("eu-cut", Cut);
customElements.define("eu-coherence", Coherence);
customElements.define("eu-spectrum", Spectrum);
