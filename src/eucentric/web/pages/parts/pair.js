// <eu-pair>: the two images of a pair, at equal contrast and under one zoom; as they are, flickering, their difference,
// and laid over each other; on the right of these always after the measured shift.

import { choice, fill, h, lengthLabel, minus, round125 } from "./dom.js";
import { link } from "./link.js";
import { Place, Tile, arrow, fitted, label, soon, token } from "./pixels.js";

const MODES = [
  ["beside", "Side by side", "B"],
  ["flicker", "Flicker", "F"],
  ["difference", "Difference", "D"],
  ["overlay", "Overlay", "O"],
];
const FLICKER_MS = 450;

class Pair extends HTMLElement {
  connectedCallback() {
    this.source ??= link;
    this.place = new Place();
    this.mode = "beside";
    this.which = 0; // of the compared pairs
    this.second = false; // what the flicker shows
    this.still = false; // flicker by hand
    this.low = 0;
    this.high = 255;
    this._tiles = [new Tile(), new Tile()];
    this._build();
    this._paint = soon(() => this.paint());
    this.place.addEventListener("change", () => {
      this._sharpness();
      this._paint();
    });
    new ResizeObserver(() => this._paint()).observe(this);
    this.source.on("images", (packet) => packet && this._images(packet));
    this.source.on("curves", (curves) => this._curves(curves));
    this.source.on("nothing", (why) => why && (this._empty.textContent = why));
    document.addEventListener("eu-theme", () => this._paint());
  }

  _build() {
    this._modes = choice(MODES.map(([value, text, key]) => [value, text, `Key ${key}`]), this.mode, (mode) => this.show(mode), "How the pair is shown");
    this._pairs = h("select", { "aria-label": "Which pair", onchange: (event) => this.choose(Number(event.target.value)) });
    this._pairs.hidden = true;
    const slider = (name, value, act) => h("input", { type: "range", min: 0, max: 255, value, "aria-label": name, title: name, oninput: (event) => act(Number(event.target.value)) });
    this._black = slider("Black level, both images", 0, (value) => this.contrast(Math.min(value, this.high - 1), this.high));
    this._white = slider("White level, both images", 255, (value) => this.contrast(this.low, Math.max(value, this.low + 1)));
    this._zoom = h("button.quiet", { type: "button", title: "Whole image, full contrast (key 0)", onclick: () => this.reset() }, "100 %");
    const side = () => {
      const canvas = h("canvas", { role: "img" });
      this.place.follow(canvas);
      return { canvas, title: h("figcaption"), box: null };
    };
    this._sides = [side(), side()];
    this._empty = h("p.empty", this.source.nothing ?? "No image yet. Start a sequence, or measure once.");
    fill(this,
      h("div.bar", this._modes, this._pairs, h("span.grow"), h("label.contrast", h("span", "Contrast"), this._black, this._white), this._zoom),
      h("div.sides", this._sides.map((one) => h("figure", one.title, one.canvas))), this._empty);
  }

  // Zoomed in, or on a large screen, more pixels are shown than a panel has by itself.
  _sharpness() {
    const sharp = this.place.zoom * this._sides[0].canvas.clientWidth * (window.devicePixelRatio || 1) > 640;
    if (sharp !== this._sharp) this.source.want("pair", sharp ? ["sharp"] : []);
    this._sharp = sharp;
  }

  _images(packet) {
    const ready = this._curvesNow?.number === packet.number;
    this.packet = packet;
    if (!ready) this._listPairs(null);
    this._mixed = null;
    this._empty.hidden = true;
    this._draw();
  }

  _curves(curves) {
    this._curvesNow = curves;
    if (curves && curves.number === this.packet?.number) this._listPairs(curves);
    this._draw();
  }

  _listPairs(curves) {
    const links = curves?.links ?? [];
    this._pairs.hidden = links.length < 2;
    fill(this._pairs, links.map((one, k) => h("option", { value: k }, `${k + 1}/${links.length}: ${one.title.replace(" along", ",")}`)));
    this.which = Math.min(this.which, Math.max(links.length - 1, 0));
    this._pairs.value = this.which;
  }

  choose(which) {
    this.which = which;
    this.dispatchEvent(new CustomEvent("eu-pair", { bubbles: true, detail: which }));
    this._draw();
  }

  show(mode) {
    this.mode = mode;
    this._modes.pick(mode, false);
    clearInterval(this._timer);
    if (mode === "flicker" && !this.still) this._timer = setInterval(() => this.flick(), FLICKER_MS);
    this._draw();
  }

  flick(byHand = false) {
    if (byHand) {
      this.still = true;
      clearInterval(this._timer);
    }
    if (this.offsetParent === null) return;
    this.second = !this.second;
    this._draw();
  }

  contrast(low, high) {
    [this.low, this.high] = [low, high];
    [this._black.value, this._white.value] = [low, high];
    this._draw();
  }

  reset() {
    this.still = false;
    this.contrast(0, 255);
    this.place.reset();
    if (this.mode === "flicker") this.show("flicker");
  }

  key(event) {
    const mode = MODES.find(([, , key]) => key.toLowerCase() === event.key.toLowerCase());
    if (mode) this.show(mode[0]);
    else if (event.key === "v") this.show(MODES[(MODES.findIndex(([name]) => name === this.mode) + 1) % MODES.length][0]);
    else if (event.key === "+" || event.key === "=") this.place.by(1.25);
    else if (event.key === "-") this.place.by(0.8);
    else if (event.key === "0") this.reset();
    else if (event.key === "p" && this._pairs.options.length > 1) {
      this._pairs.value = (this.which + 1) % this._pairs.options.length;
      this.choose(Number(this._pairs.value));
    } else if (event.key.startsWith("Arrow")) this._arrow(event.key);
    else return false;
    return true;
  }

  _arrow(key) {
    if (this.mode === "flicker" && /Left|Right/.test(key)) return this.flick(true);
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    this.place.move((0.05 * dx) / this.place.zoom, (0.05 * dy) / this.place.zoom);
  }

  // The compared pair: what is known of it, its planes and images. Without a comparison yet: the first two images.
  _pair() {
    const { packet } = this;
    const curves = this._curvesNow?.number === packet.number ? this._curvesNow : null;
    const told = curves?.links[this.which] ?? null;
    const [a, b] = told?.link ?? [0, Math.min(1, packet.planes.length - 1)];
    return { told, planes: [packet.planes[a], packet.planes[b]], images: [packet.images[a], packet.images[b]] };
  }

  // New pixels, or another way to show them: make the pictures, then paint.
  _draw() {
    if (!this.packet || this.offsetParent === null) return;
    const { told, planes } = this._pair();
    const [first, second] = planes;
    if (this.mode === "beside") planes.forEach((plane, k) => this._tiles[k].draw(plane, this.low, this.high));
    else {
      const scale = first.nx / (this._pair().images[0].shape[1] || first.nx);
      const [dy, dx] = (told?.shift_px ?? [0, 0]).map((px) => Math.round(px * scale));
      [[0, 0], [dy, dx]].forEach(([y, x], k) => this._tiles[k].mix(first, second, y, x, this._mix()));
    }
    this.paint();
  }

  _mix() {
    const { low } = this, span = Math.max(this.high - low, 1);
    const stretch = (v) => Math.max(0, Math.min(255, ((v - low) * 255) / span));
    const grey = (v) => 0xff000000 | (v << 16) | (v << 8) | v;
    if (this.mode === "flicker") return this.second ? (a, b) => grey(b < 0 ? 0 : stretch(b)) : (a) => grey(stretch(a));
    if (this.mode === "difference") return (a, b) => grey(b < 0 ? 128 : Math.max(0, Math.min(255, 128 + ((a - b) * 255) / span)));
    return (a, b) => {
      const one = stretch(a), two = b < 0 ? 0 : stretch(b);
      return 0xff000000 | (two << 16) | (((one * 0.6 + two * 0.4) & 255) << 8) | (one & 255); // first orange, second blue
    };
  }

  paint() {
    this._sharpness();
    if (!this.packet || this.offsetParent === null) return;
    const { told, images } = this._pair();
    this._sides.forEach((side, k) => {
      const tile = this._tiles[k].canvas;
      if (!tile.width) return;
      const context = fitted(side.canvas), { clientWidth: width, clientHeight: height } = side.canvas;
      const placed = this.place.paint(context, tile, width, height);
      const image = images[this.mode === "beside" ? k : this.mode === "flicker" && this.second ? 1 : 0];
      this._scaleBar(context, placed, tile, image, height);
      if (this.mode === "beside" || this.mode === "flicker") this._tilt(context, image, images, width, height);
      side.title.textContent = this._title(k, told, images);
      side.canvas.setAttribute("aria-label", side.title.textContent);
    });
    this._zoom.textContent = `${Math.round(this.place.zoom * 100)} %`;
  }

  _title(k, told, images) {
    if (this.mode === "beside") return `${["First", "Second"][k]}: ${this._tiltWords(images[k], told, k)}`;
    const after = told ? "after the measured shift" : "not measured yet";
    const where = k === 0 ? "as taken" : after;
    if (this.mode === "flicker") return `${this.second ? "Second" : "First"} image, ${where}`;
    if (this.mode === "difference") return `First − second, ${where}`;
    return `First orange, second blue: ${where}`;
  }

  _tiltWords(image, told, k) {
    if (told?.by_stage && image.alpha_rad !== null) return minus(`stage at ${((image.alpha_rad * 180) / Math.PI).toFixed(2)}°`);
    const tilt = told?.tilts_rad[k] ?? image.tilt_rad;
    if (!tilt) return `preset ${image.preset ?? "?"}`;
    const [y, x] = tilt.map((v) => { const mrad = (v * 1e3).toFixed(2); return mrad === "-0.00" ? "0.00" : mrad; });
    return minus(`tilt x ${x}, y ${y} mrad`);
  }

  _scaleBar(context, placed, tile, image, height) {
    if (!image.pixel_m) return;
    const perPixel = (image.pixel_m * image.shape[1]) / tile.width / placed.scale;
    const length = round125(perPixel * 110);
    const wide = length / perPixel;
    context.fillStyle = "rgba(0, 0, 0, 0.75)";
    context.fillRect(13, height - 19, wide + 2, 6);
    context.fillStyle = "#fff";
    context.fillRect(14, height - 18, wide, 4);
    label(context, lengthLabel(length), 14 + wide / 2, height - 24, { align: "center" });
  }

  // From the axis (a dot) towards the tilt, in units of the longer one.
  _tilt(context, image, images, width, height) {
    const tilt = image.tilt_rad;
    const longest = Math.max(...images.map((one) => (one.tilt_rad ? Math.hypot(...one.tilt_rad) : 0)));
    if (!tilt || !longest) return;
    const reach = 40, x = width - 56, y = height - 56, colour = token("--pic-mark");
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = "#000";
    context.stroke();
    arrow(context, x, y, (tilt[1] / longest) * reach, (tilt[0] / longest) * reach, colour);
  }
}

customElements.define("eu-pair", Pair);
