// <eu-manual>: focusing by hand: a live image and its power spectrum with the Thon rings of the present estimate; steps of
// the lens and of the stage; eucentric focus to and from; reset defocus.

import { fill, h, lengthLabel, round125 } from "./dom.js";
import { ask, link, say } from "./link.js";
import { Place, Tile, fitted, label, soon, token } from "./pixels.js";

class Manual extends HTMLElement {
  connectedCallback() {
    this._tile = new Tile();
    this._place = new Place();
    this._canvas = h("canvas", { role: "img", "aria-label": "Live image" });
    this._place.follow(this._canvas);
    this._caption = h("figcaption", "No image yet");
    this._spectrum = h("eu-spectrum", { kind: "rings" });
    this._preset = h("select", { "aria-label": "Preset" });
    this._start = h("button.first", { type: "button", onclick: () => ask("POST", "/manual/start", { preset: this._preset.value }) }, "Focus by hand");
    const made = (text, title, does, kind = "plain") => { const one = h(`button.${kind}`, { type: "button", title, onclick: does }, text); this._desk.push(one); return one; };
    this._desk = [];
    this._lens = h("input", { type: "text", value: "0.5 µm", "aria-label": "Step of the lens", spellcheck: "false" });
    this._stage = h("input", { type: "text", value: "1 µm", "aria-label": "Step of the stage", spellcheck: "false" });
    this._live = made("Live", "Image after image (key L)", () => this._ask("live", { on: !this._now?.live }));
    this._at = h("dl.rows");
    this._waiting = h("span.note", { role: "status" });
    this._rings = h("p.note");
    this._dose = h("span.note", { title: "What the images by hand took of this place since they began" });
    this._doseMax = h("input", { type: "text", value: "500 e/Å²", "aria-label": "Electrons by hand at most", title: "No image by hand is taken beyond it, here; raise it where the specimen bears it", spellcheck: "false", onchange: () => this._allow() });
    this._desk.push(this._doseMax);
    this._question = h("p");
    this._keeps = h("dialog.asks", { "aria-label": "Keep as the eucentric focus?" }, h("h2", "From scope"), this._question, h("div.steps2", h("button.first", { type: "button", onclick: () => this._keep() }, "Keep"), h("button.plain", { type: "button", autofocus: true, onclick: () => this._keeps.close() }, "Leave it")));
    const lens = h("fieldset", h("legend", "Lens: defocus"), h("div.steps2", made("− under", "One step to underfocus (↓)", () => this.move("defocus", -1)), this._lens, made("over +", "One step to overfocus (↑)", () => this.move("defocus", 1))));
    const stage = h("fieldset", h("legend", "Stage: Z"), h("div.steps2", made("− down", "One step down (key J)", () => this.move("z", -1)), this._stage, made("up +", "One step up (key U)", () => this.move("z", 1))));
    const eucentric = h("fieldset", h("legend", "Eucentric focus"), h("div.steps2", made("To scope", "Set the lens to the stored eucentric focus", () => this._ask("eucentric-focus/to")), made("From scope", "Keep the present lens setting as the eucentric focus: asks first", () => this._askToKeep())));
    const zero = h("fieldset", h("legend", "Defocus zero"), made("Reset defocus", "The present lens setting becomes defocus zero", () => this._ask("reset-defocus")));
    const limit = h("label.row.limit", h("span", "Dose at most"), this._doseMax);
    const ends = h("div.steps2", made("Done", "What was moved stays", () => this.end("done"), "first"), made("Take back", "What was moved is taken back", () => this.end("skip"), "stop"));
    const key = (...names) => names.map((name) => h("kbd", name));
    const keys = h("p.note.keys", "Keys, while you focus by hand and control: lens ", key("↑", "↓"), ", stage ", key("U", "J"), ", image ", key("Enter"), ", live ", key("L"));
    fill(this, h("figure.panel", h("div.bar", this._caption, h("span.grow"), this._dose, made("New image", "One more image (Enter)", () => this._ask("look")), this._live), this._canvas),
      this._spectrum, h("div.desk", h("section.panel", h("div.bar", h("h2", "By hand"), this._waiting, h("span.grow"), this._preset, this._start), this._at, lens, stage, h("div.two", eucentric, zero), limit, ends, keys, this._rings)), this._keeps);
    this._spectrum.rings = (context, x, y, scale) => this._draw(context, x, y, scale);
    this._told(null);
    this._follow();
  }

  _follow() {
    const paint = soon(() => this.paint());
    link.on("live", paint);
    link.on("manual", (now) => this._told(now));
    link.on("drive", (drive) => { this._phase = drive?.phase; this._told(link.newest.get("manual")); });
    link.on("rings", (packet) => (this._rings.textContent = packet?.said ?? ""));
    link.on("about", (about) => about && this._about(about));
    this._place.addEventListener("change", paint);
    new ResizeObserver(paint).observe(this._canvas);
  }

  _about(about) {
    fill(this._preset, about.presets.map((name) => h("option", name)));
    if (about.presets.includes("fa")) this._preset.value = "fa";
    this._start.hidden = this._preset.hidden = !about.starts;
    this._told(this._now);
  }

  _told(now) {
    this._now = now ?? null;
    for (const one of this._desk) one.disabled = !now;
    this._start.disabled = this._preset.disabled = Boolean(now) || this._phase !== "idle" || !this._preset.value; // nothing is begun before it is known at what
    this._live.setAttribute("aria-pressed", String(Boolean(now?.live)));
    this._dose.textContent = now?.dose ?? "";
    if (now && document.activeElement !== this._doseMax) this._doseMax.value = now.dose_max;
    if (!now) this._keeps.close();
    this._waiting.textContent = now?.waiting ? `${now.waiting} not done yet` : "";
    const rows = now ? [["Step", `${now.step}, preset ${now.preset}`], ["Lens", now.defocus, now.moved_defocus && `moved ${now.moved_defocus}`], ["Stage Z", now.z, now.moved_z && `moved ${now.moved_z}`]] : [];
    fill(this._at, rows.map(([name, value, note]) => [h("dt", name), h("dd", value, note ? h("small", note) : null)]), now?.trouble ? [h("dt", "Trouble"), h("dd", now.trouble)] : null);
  }

  _draw(context, x, y, scale) {
    context.strokeStyle = token("--pic-mark");
    context.lineWidth = 1.3;
    context.globalAlpha = 0.9;
    for (const q of this._spectrum.packet.rings_per_m) {
      context.beginPath();
      context.arc(x, y, q * scale, 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // While a call is pending a key that is held down asks for nothing. What a move came to is shown beside the image.
  async _ask(what, body) {
    this._pending = (this._pending ?? 0) + 1;
    if (what === "move") await link.call("POST", `/manual/${what}`, body).catch((error) => say(error.message, "bad"));
    else await ask("POST", `/manual/${what}`, body);
    this._pending -= 1;
  }

  // What is stored is replaced for good: first it is told what by what.
  async _askToKeep() {
    const told = await link.call("POST", "/manual/eucentric-focus/ask").catch((error) => say(error.message, "bad"));
    if (!told || !this._now) return;
    this._asked = told.focus_m;
    this._question.textContent = told.sentence;
    this._keeps.showModal();
  }

  _keep() {
    this._keeps.close();
    this._ask("eucentric-focus/from", { focus_m: this._asked });
  }

  // What is refused does not stay there as if it held.
  async _allow() {
    await this._ask("dose", { dose_max: this._doseMax.value.trim() });
    if (this._now && document.activeElement !== this._doseMax) this._doseMax.value = this._now.dose_max;
  }

  // What is typed is neither guessed nor turned round: without its unit the server refuses it, with a sign this.
  move(channel, sign) {
    const step = (channel === "z" ? this._stage : this._lens).value.trim();
    if (/^[-−+]/.test(step)) return say(`'${step}' has a sign. Buttons and keys say which way: write the step without one. Nothing was moved.`, "bad");
    return this._ask("move", { channel, change: `${sign < 0 ? "-" : ""}${step}` });
  }

  end(answer) {
    this._ask("end", { answer });
  }

  // Keys move the microscope: only while this page controls it and its operator focuses by hand.
  key(event) {
    if (this._keeps.open || !this._now || link.newest.get("control")?.holder !== link.client) return false;
    const keys = { ArrowUp: () => this.move("defocus", 1), ArrowDown: () => this.move("defocus", -1), u: () => this.move("z", 1), j: () => this.move("z", -1), Enter: () => this._ask("look"), l: () => this._live.click() };
    if (!keys[event.key]) return false;
    if (!(event.repeat && this._pending)) keys[event.key]();
    return true;
  }

  paint() {
    const packet = link.newest.get("live");
    if (!packet || this.offsetParent === null) return;
    this._caption.textContent = packet.what;
    const context = fitted(this._canvas), height = this._canvas.clientHeight;
    const picture = this._tile.draw(packet.planes[0]);
    const placed = this._place.paint(context, picture, this._canvas.clientWidth, height);
    const [image] = packet.images;
    if (!image.pixel_m) return;
    const perPixel = (image.pixel_m * image.shape[1]) / picture.width / placed.scale, length = round125(perPixel * 140);
    context.fillStyle = "#fff";
    context.fillRect(14, height - 18, length / perPixel, 4);
    label(context, lengthLabel(length), 14 + length / perPixel / 2, height - 24, { align: "center" });
  }

  // Power spectra are made while this view is looked at.
  left() {
    this._keeps.close();
    link.want("manual", []);
  }

  shown() {
    link.want("manual", ["rings", "live"]);
    this.paint();
    this._spectrum.paint();
  }
}

customElements.define("eu-manual", Manual);
