// Pictures on canvases: grey levels through a table, and a view that several canvases share.

// A canvas of the plane's own size, its greys between `low` and `high` (0 to 255) stretched.
export class Tile {
  constructor() {
    this.canvas = document.createElement("canvas");
    this._table = new Uint32Array(256);
  }

  draw(plane, low = 0, high = 255) {
    const table = this._table, span = Math.max(high - low, 1);
    for (let v = 0; v < 256; v++) {
      const grey = Math.max(0, Math.min(255, Math.round(((v - low) * 255) / span)));
      table[v] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    const out = this._out(plane.nx, plane.ny), pixels = plane.pixels;
    for (let i = 0; i < pixels.length; i++) out[i] = table[pixels[i]];
    this._put();
    return this.canvas;
  }

  // Two planes as one: `mix(a, b)` gives a colour (ABGR). The second one is taken `dy`, `dx` pixels further on.
  mix(first, second, dy, dx, mix) {
    const { nx, ny } = first, out = this._out(nx, ny), a = first.pixels, b = second.pixels;
    for (let y = 0; y < ny; y++) {
      const from = y + dy, inside = from >= 0 && from < second.ny;
      for (let x = 0; x < nx; x++) {
        const at = x + dx;
        out[y * nx + x] = inside && at >= 0 && at < second.nx ? mix(a[y * nx + x], b[from * second.nx + at]) : mix(a[y * nx + x], -1);
      }
    }
    this._put();
    return this.canvas;
  }

  _out(nx, ny) {
    const { canvas } = this;
    if (canvas.width !== nx || canvas.height !== ny || !this._data) {
      canvas.width = nx;
      canvas.height = ny;
      this._context = canvas.getContext("2d", { alpha: false });
      this._data = this._context.createImageData(nx, ny);
      this._view = new Uint32Array(this._data.data.buffer);
    }
    return this._view;
  }

  _put() {
    this._context.putImageData(this._data, 0, 0);
  }
}

// A canvas that is as sharp as the screen; its context counts in CSS pixels.
export function fitted(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(Math.round(canvas.clientWidth * ratio), 1), height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Text that can be read on any picture.
export function label(context, text, x, y, { align = "left", base = "alphabetic", colour = "#fff", edge = "rgba(0, 0, 0, 0.75)", size = 12 } = {}) {
  context.font = `${size}px ${token("--font") || "sans-serif"}`;
  context.textAlign = align;
  context.textBaseline = base;
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = edge;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

export function arrow(context, x, y, dx, dy, colour) {
  const length = Math.hypot(dx, dy);
  if (length < 1) return;
  const [ux, uy] = [dx / length, dy / length], head = Math.min(9, length * 0.6);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx - ux * head * 0.8, y + dy - uy * head * 0.8);
  for (const [width, style] of [[5, "rgba(0, 0, 0, 0.7)"], [2.5, colour]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  }
  context.beginPath();
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + dx - ux * head - uy * head * 0.55, y + dy - uy * head + ux * head * 0.55);
  context.lineTo(x + dx - ux * head + uy * head * 0.55, y + dy - uy * head - ux * head * 0.55);
  context.closePath();
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = "rgba(0, 0, 0, 0.7)";
  context.stroke();
}

// Zoom and place, shared: 1 shows the whole picture; `x`, `y` is the middle, from 0 to 1.
export class Place extends EventTarget {
  constructor() {
    super();
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.x = this.y = 0.5;
    this._told();
  }

  by(factor, x = this.x, y = this.y) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), 32);
    this.x = x + (this.x - x) * (this.zoom / zoom);
    this.y = y + (this.y - y) * (this.zoom / zoom);
    this.zoom = zoom;
    this._clamp();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this._clamp();
  }

  _clamp() {
    const half = 0.5 / this.zoom;
    this.x = Math.min(Math.max(this.x, half), 1 - half);
    this.y = Math.min(Math.max(this.y, half), 1 - half);
    this._told();
  }

  _told() {
    this.dispatchEvent(new Event("change"));
  }

  // Draw a picture into a canvas of `width`, `height`; how a picture's pixel is placed: x, y, and its scale.
  paint(context, picture, width, height) {
    const scale = Math.min(width / picture.width, height / picture.height) * this.zoom;
    const left = width / 2 - this.x * picture.width * scale, top = height / 2 - this.y * picture.height * scale;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = scale < 3;
    context.drawImage(picture, left, top, picture.width * scale, picture.height * scale);
    return { left, top, scale };
  }

  // Wheel, drag and double click on a canvas.
  follow(canvas) {
    const at = (event) => {
      const box = canvas.getBoundingClientRect(), half = 0.5 / this.zoom, side = Math.min(box.width, box.height);
      return [this.x + ((event.clientX - box.left - box.width / 2) / side) * 2 * half, this.y + ((event.clientY - box.top - box.height / 2) / side) * 2 * half];
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.by(event.deltaY < 0 ? 1.25 : 0.8, ...at(event));
    }, { passive: false });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const side = Math.min(canvas.clientWidth, canvas.clientHeight) * this.zoom;
      this.move(-event.movementX / side, -event.movementY / side);
    });
  }
}

// Do something at most once for each frame of the screen.
export function soon(act) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      act();
    });
  };
}
