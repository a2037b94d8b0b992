// <eu-plan>: the planner's form and picture; the planned sequence goes to the settings. The server keeps the last plan and
// what was asked, this tab what is typed: a reload loses neither.

import { fill, h } from "./dom.js";
import { ask, link, say } from "./link.js";

const TYPED = "eucentric-plan";

class Plan extends HTMLElement {
  connectedCallback() {
    this._fields = new Map();
    const put = (name, title, input, note) => this._put(name, title, input, note);
    const text = (name, value, title) => h("input", { name, type: "text", value, title, spellcheck: "false", autocomplete: "off" });
    this._instrument = h("select", { name: "instrument" });
    this._form = h("form", { novalidate: true, oninput: () => this._remember(), onsubmit: (event) => { event.preventDefault(); this.make(); } },
      put("instrument", "Instrument", this._instrument),
      put("start", "Start", text("start", "500 µm", "The largest defocus error to start from"), "the largest error to start from"),
      put("accuracy", "Accuracy", text("accuracy", "0.1 µm", "The defocus error that may be left"), "the error that may be left"),
      put("probability", "Probability", text("probability", "0.99", "With which it is held"), "with which it is held"),
      put("tilt_max", "Tilt at most", text("tilt_max", "", "Of each image; empty: the instrument's"), "of each image; empty: the instrument's"),
      put("saves", "Save", h("select", { name: "saves", title: "Both: least electrons times seconds" }, h("option", { value: "both" }, "both"), h("option", { value: "electrons" }, "electrons"), h("option", { value: "time" }, "time"))),
      h("div.bar", this._make = h("button.first", { type: "submit" }, "Plan"), this._cancel = h("button.stop", { type: "button", onclick: () => ask("DELETE", "/plan") }, "Cancel")));
    this._cancel.hidden = this._make.disabled = true; // nothing is planned before it is known for what
    this._result = h("section.panel.result", { "aria-live": "polite" });
    this._say("Say what is to be reached: the cheapest sequence for it is worked out, with what limits it.");
    fill(this, h("section.panel.side", h("div.bar", h("h2", "What is to be reached")), this._form), this._result);
    link.on("about", (about) => about && this._about(about));
    link.on("plan", (now) => now && this._told(now));
  }

  _put(name, title, input, note) {
    const error = h("small.error", { id: `plan-${name}-error`, role: "alert" });
    error.hidden = true;
    this._fields.set(name, { input, error });
    return h("label.row", h("span", title), input, note ? h("small.faint", note) : null, error);
  }

  _about(about) {
    const chosen = this._instrument.value;
    fill(this._instrument, about.instruments.map((name) => h("option", name)));
    this._instrument.value = about.instruments.includes(chosen) ? chosen : about.instruments[0];
    this._fill(this._kept() ?? this._now?.asked);
    this._plannable();
  }

  _kept() {
    return JSON.parse(sessionStorage.getItem(TYPED) ?? "null");
  }

  _remember() {
    sessionStorage.setItem(TYPED, JSON.stringify(Object.fromEntries(new FormData(this._form))));
  }

  _fill(values) {
    for (const [name, value] of Object.entries(values ?? {})) if (this._fields.has(name)) this._fields.get(name).input.value = value ?? "";
  }

  // What stands in the way stands at its field.
  _wrong(name, sentence) {
    for (const [one, { input, error }] of this._fields) {
      const here = one === name;
      input.setAttribute("aria-invalid", String(here));
      if (here) input.setAttribute("aria-describedby", error.id);
      error.hidden = !here;
      error.textContent = here ? sentence : "";
    }
    this._fields.get(name)?.input.focus();
  }

  async make() {
    const given = Object.fromEntries(new FormData(this._form)), probability = Number(given.probability.trim().replace(",", "."));
    this._remember();
    this._wrong("");
    if (!(probability >= 0.5 && probability < 1)) return this._wrong("probability", `Probability is '${given.probability}'. Write a number from 0.5 to below 1, for example 0.99.`);
    this._make.disabled = true;
    try {
      await link.call("POST", "/plan", { ...given, probability, tilt_max: given.tilt_max.trim() || null });
    } catch (error) { // of a plan that was begun its end is told to all
      if (this._fields.has(error.field)) this._wrong(error.field, error.message);
      else if (error.message !== this._now?.sentence) say(error.message, "bad");
    }
    this._plannable();
  }

  _plannable() {
    this._make.disabled = this._now?.phase === "making" || !this._instrument.value;
  }

  // What goes on at the server, whoever asked.
  async _told(now) {
    this._now = now;
    const making = now.phase === "making";
    this._plannable();
    this._make.textContent = making ? "Planning …" : "Plan";
    this._cancel.hidden = !making;
    if (!this._kept()) this._fill(now.asked);
    if (making) return this._say(`The cheapest sequence from ${now.asked.start} to ${now.asked.accuracy} is worked out. That takes ten seconds, and half a minute where it can't be reached.`);
    if (now.phase === "cancelled") return this._say(now.sentence);
    if (now.phase === "refused") return fill(this._result, h("div.verdict.bad", h("strong", "No plan"), h("p", now.sentence)));
    const last = await link.call("GET", "/plan").catch((error) => say(error.message, "bad"));
    return last?.result && last.number === this._now.number ? this._show(last.result, last.asked) : null;
  }

  _say(sentence) {
    fill(this._result, h("p.empty", sentence));
  }

  _show(told, wanted) {
    const columns = Object.keys(told.steps[0]);
    const use = h("button", { type: "button", onclick: () => this._use(told, wanted) }, "Edit as a sequence");
    use.hidden = !link.about?.starts;
    fill(this._result, h("div.bar", h("h2", "The cheapest sequence"), h("span", told.said), h("span.note", `${wanted.instrument}, from ${wanted.start} to ${wanted.accuracy}`), h("span.grow"), use),
      h("table", h("thead", h("tr", columns.map((one) => h("th", one)))), h("tbody", told.steps.map((step) => h("tr", columns.map((one) => h("td", step[one])))))),
      h("img.figure", { src: `data:image/png;base64,${told.picture}`, alt: "How each step takes the error down, and what limits it" }));
  }

  _use(told, wanted) {
    const name = `planned ${wanted.accuracy}`.replace("µ", "u");
    document.dispatchEvent(new CustomEvent("eu-edit", { detail: { name, values: told.values } }));
    document.dispatchEvent(new CustomEvent("eu-view", { detail: "settings" }));
    say("The plan stands in the settings: save it under a name, or run it.", "good");
  }
}

customElements.define("eu-plan", Plan);
