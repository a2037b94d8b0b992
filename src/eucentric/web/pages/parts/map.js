// <eu-map>: the correlation map: origin in the middle or top left as Leginon shows it; compensated or raw; peak and
// runner-up marked; axes in pixels of shift, and µm of defocus along the line on which pure defocus puts the peak.

import { choice, fill, h, minus, round125 } from "./dom.js";
import { link } from "./link.js";
import { Tile, fitted, label, soon, token } from "./pixels.js";

const KINDS = [["map", "Compensated", "The map in which the shift was found"], ["map-cross", "Raw: cross", "Cross-correlation of the whole images, wrapped"], ["map-phase", "Raw: phase", "Phase correlation of the whole images, wrapped"]];
const VIEWS = [["centred", "Centred", "No shift in the middle (key C)"], ["wrapped", "Top left", "No shift in the top-left corner, wrapped (key C)"], ["near", "Around the peak", "Cell by cell (key N)"]];
const EDGE = { left: 58, right: 12, top: 12, bottom: 42 };
const RING = 9; // px, the radius of the mark around the peak

class CorrelationMap extends HTMLElement {
  connectedCallback() {
    this.source ??= link;
    this.kind = "map";
    this.view = "centred";
    this.which = 0;
    this._tile = new Tile();
    this._kinds = choice(KINDS, this.kind, (kind) => this.choose(kind), "Which map");
    this._views = choice(VIEWS, this.view, (view) => this.look(view), "How it is laid out");
    this._canvas = h("canvas", { role: "img" });
    this._note = h("p.note");
    fill(this, h("div.bar", h("h2", "Correlation"), h("span.grow"), this._views), this._canvas, h("div.bar", this._kinds), this._note);
    this._paint = soon(() => this.paint());
    new ResizeObserver(() => this._paint()).observe(this._canvas);
    for (const [kind] of KINDS) this.source.on(kind, () => kind === this.kind && this._paint());
    this.source.on("curves", () => this._paint());
    document.addEventListener("eu-theme", () => this._paint());
  }

  choose(kind) {
    this.kind = kind;
    this._kinds.pick(kind, false);
    this.source.want("map", kind === "map" ? [] : [kind]);
    this.dispatchEvent(new CustomEvent("eu-map", { bubbles: true, detail: kind.replace("map", "").replace("-", "") }));
    this._paint();
  }

  look(view) {
    this.view = view;
    this._views.pick(view, false);
    this._paint();
  }

  key(event) {
    if (event.key === "c") this.look(this.view === "centred" ? "wrapped" : "centred");
    else if (event.key === "n") this.look(this.view === "near" ? "centred" : "near");
    else if (event.key === "r") this.choose(KINDS[(KINDS.findIndex(([kind]) => kind === this.kind) + 1) % KINDS.length][0]);
    else return false;
    return true;
  }

  paint() {
    if (this.offsetParent === null) return;
    const context = fitted(this._canvas), width = this._canvas.clientWidth, height = this._canvas.clientHeight;
    context.fillStyle = token("--panel");
    context.fillRect(0, 0, width, height);
    const curves = this.source.newest.get("curves"), packet = this.source.newest.get(this.kind);
    if (curves) this._kinds.firstChild.textContent = curves.method === "matched" ? "Compensated" : "As measured";
    const k = packet && packet.number === curves?.number ? packet.maps.findIndex((one) => one.link === this.which) : -1;
    if (k < 0) {
      const why = !curves ? "No correlation yet" : this.kind === "map" ? "This measurement has no such map" : "It is being made";
      label(context, why, width / 2, height / 2, { align: "center", colour: token("--dim"), edge: token("--panel") });
      this._note.textContent = "";
      return;
    }
    this._map(context, width, height, packet, k, curves.links[this.which]);
  }

  _map(context, width, height, packet, k, told) {
    const map = packet.maps[k], near = this.view === "near";
    const picture = this._tile.draw(packet.planes[2 * k + (near ? 1 : 0)]);
    const [left, right, bottom, top] = near ? map.near_px : map.box_px;
    const side = Math.min(width - EDGE.left - EDGE.right, height - EDGE.top - EDGE.bottom);
    const at = { x: EDGE.left + Math.max((width - EDGE.left - EDGE.right - side) / 2, 0), y: EDGE.top, w: side, h: side };
    const ratio = (bottom - top) / (right - left);
    if (ratio < 1) at.h = side * ratio;
    else at.w = side / ratio;
    const period = { x: right - left, y: bottom - top };
    const wrapped = this.view === "wrapped";
    const origin = wrapped ? { x: 0, y: 0 } : { x: left, y: top };
    // What lies half a cell before the corner is seen in the cell at the corner, not at the far end.
    const half = { x: period.x / picture.width / 2, y: period.y / picture.height / 2 };
    const turn = (value, whole, slack) => (wrapped ? ((((value + slack) % whole) + whole) % whole) - slack : value);
    const put = (y, x) => [at.x + ((turn(x, period.x, half.x) - origin.x) / period.x) * at.w, at.y + ((turn(y, period.y, half.y) - origin.y) / period.y) * at.h];
    const rival = this.kind === "map" ? told.rival_px : null;
    context.save();
    context.beginPath();
    context.rect(at.x, at.y, at.w, at.h);
    context.clip();
    context.imageSmoothingEnabled = false;
    this._picture(context, picture, at, wrapped);
    if (told.line) this._line(context, told.line, put, at, { left, right, bottom, top }, wrapped, rival ? [put(...map.peak_px), put(...rival)] : [put(...map.peak_px)]);
    context.restore();
    this._marks(context, put, at, map.peak_px, rival);
    this._axes(context, at, wrapped ? [0, period.x] : [left, right], wrapped ? [0, period.y] : [top, bottom]);
    const [y, x] = map.peak_px;
    this._note.textContent = minus(`peak x ${x.toFixed(1)}, y ${y.toFixed(1)} px`);
    this._canvas.setAttribute("aria-label", `Correlation map, ${this._note.textContent}`);
  }

  _picture(context, picture, at, wrapped) {
    if (!wrapped) return context.drawImage(picture, at.x, at.y, at.w, at.h);
    const hx = Math.floor(picture.width / 2), hy = Math.floor(picture.height / 2), sx = at.w / picture.width, sy = at.h / picture.height;
    const rx = picture.width - hx, ry = picture.height - hy; // the middle goes to the top-left corner
    context.drawImage(picture, hx, hy, rx, ry, at.x, at.y, rx * sx, ry * sy);
    context.drawImage(picture, 0, hy, hx, ry, at.x + rx * sx, at.y, hx * sx, ry * sy);
    context.drawImage(picture, hx, 0, rx, hy, at.x, at.y + ry * sy, rx * sx, hy * sy);
    return context.drawImage(picture, 0, 0, hx, hy, at.x + rx * sx, at.y + ry * sy, hx * sx, hy * sy);
  }

  // Where pure defocus puts the peak, with a few values of it.
  _line(context, line, put, at, box, wrapped, marks) {
    const [uy, ux] = line.unit, [oy, ox] = line.offset_px;
    const far = 0.46 * Math.min(box.right - box.left, box.bottom - box.top);
    const middle = this.view === "near" ? ((box.left + box.right) / 2 - ox) * ux + ((box.top + box.bottom) / 2 - oy) * uy : 0;
    const colour = token("--pic-mark");
    context.strokeStyle = colour;
    context.globalAlpha = 0.85;
    context.lineWidth = 1.2;
    context.setLineDash(wrapped ? [2, 4] : []);
    const ends = wrapped ? [[-far, -1], [1, far]] : [[middle - far, middle + far]];
    for (const [from, to] of ends) {
      context.beginPath();
      context.moveTo(...put(oy + from * uy, ox + from * ux));
      context.lineTo(...put(oy + to * uy, ox + to * ux));
      context.stroke();
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
    const step = round125(((this.view === "near" ? 0.7 : 0.85) * far) / line.px_per_m * 1e6);
    const start = Math.ceil(((middle - far) / line.px_per_m) * 1e6 / step) * step;
    for (let value = start; value <= ((middle + far) / line.px_per_m) * 1e6 + 1e-9; value += step) {
      const along = value * 1e-6 * line.px_per_m, [x, y] = put(oy + along * uy, ox + along * ux);
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x - uy * 5, y + ux * 5);
      context.lineTo(x + uy * 5, y - ux * 5);
      context.stroke();
      const free = (at_y) => marks.every(([mx, my]) => Math.abs(mx - x) > 60 || Math.abs(my - at_y + 4) > 32);
      const above = [y - 9, y + 19].find((at_y) => at_y > at.y + 12 && free(at_y));
      if (Math.abs(value) > step / 2 && above) label(context, minus(`${value > 0 ? "+" : ""}${Number(value.toPrecision(6))} µm`), Math.min(Math.max(x, at.x + 26), at.x + at.w - 26), above, { align: "center", colour });
    }
  }

  // A ring around the peak, a square around the runner-up; where they would lie on each other a line leads to its name.
  _marks(context, put, at, peak, rival) {
    const near = this.view === "near", good = token("--pic-good"), bad = token("--pic-bad"), [x, y] = put(...peak);
    const inside = (px, py) => [Math.min(Math.max(px, at.x + 32), at.x + at.w - 32), Math.min(Math.max(py, at.y + 14), at.y + at.h - 6)];
    const name = (text, px, py, colour) => label(context, text, ...inside(px, py), { align: "center", colour, size: 11 });
    const drawn = (colour, shape) => {
      for (const [width, style] of [[4, "rgba(0, 0, 0, 0.7)"], [2, colour]]) {
        context.lineWidth = width;
        context.strokeStyle = style;
        context.beginPath();
        shape();
        context.stroke();
      }
    };
    drawn(good, () => context.arc(x, y, RING, 0, 2 * Math.PI));
    const low = y > at.y + at.h - 34;
    if (!near) name("peak", x, low ? y - 15 : y + 24, good);
    if (!rival) return;
    const [rx, ry] = put(...rival);
    if (rx < at.x || rx > at.x + at.w || ry < at.y || ry > at.y + at.h) return; // around the peak: it is elsewhere
    if (Math.hypot(rx - x, ry - y) > 2.2 * RING) {
      drawn(bad, () => context.rect(rx - 7, ry - 7, 14, 14));
      if (!near) name("runner-up", rx, ry < at.y + 52 ? ry + 24 : ry - 13, bad);
      return;
    }
    const [tx, ty] = inside(x + (x > at.x + at.w - 90 ? -62 : 62), y + (y < at.y + 60 ? 44 : -38));
    drawn(bad, () => {
      context.moveTo(rx, ry);
      context.lineTo(tx, ty + (ty > ry ? -11 : 4));
    });
    label(context, "runner-up", tx, ty, { align: "center", colour: bad, size: 11 });
  }

  _axes(context, at, [x0, x1], [y0, y1]) {
    const dim = token("--dim");
    context.strokeStyle = token("--line");
    context.lineWidth = 1;
    context.strokeRect(at.x - 0.5, at.y - 0.5, at.w + 1, at.h + 1);
    context.fillStyle = dim;
    context.font = `11px ${token("--font")}`;
    const step = round125((x1 - x0) / 3.4);
    context.textAlign = "center";
    context.textBaseline = "top";
    for (let v = Math.ceil(x0 / step) * step; v <= x1 + 1e-6; v += step) context.fillText(minus(Math.round(v)), at.x + ((v - x0) / (x1 - x0)) * at.w, at.y + at.h + 11);
    context.fillText("shift x (px)", at.x + at.w / 2, at.y + at.h + 26);
    context.save();
    context.translate(at.x - 50, at.y + at.h / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "middle";
    context.fillText("shift y (px)", 0, 0);
    context.restore();
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let v = Math.ceil(y0 / step) * step; v <= y1 + 1e-6; v += step) context.fillText(minus(Math.round(v)), at.x - 11, at.y + Math.min(Math.max(((v - y0) / (y1 - y0)) * at.h, 6), at.h - 6));
  }
}

customElements.define("eu-map", CorrelationMap);
