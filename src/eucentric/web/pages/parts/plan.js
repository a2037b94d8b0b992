// <eu-plan>: the planner's form and picture; the planned sequence goes to the settings.

import { fill, h } from "./dom.js";
import { link, say } from "./link.js";

class Plan extends HTMLElement {
  connectedCallback() {
    const text = (name, value, title) => h("input", { name, type: "text", value, title, spellcheck: "false", autocomplete: "off" });
    this._form = h("form", { onsubmit: (event) => { event.preventDefault(); this.make(); } },
      row("Instrument", this._instrument = h("select", { name: "instrument" })),
      row("Start", text("start", "500 µm", "The largest defocus error to start from"), "the largest error to start from"),
      row("Accuracy", text("accuracy", "0.1 µm", "The defocus error that may be left"), "the error that may be left"),
      row("Probability", text("probability", "0.99", "With which it is held"), "with which it is held"),
      row("Tilt at most", text("tilt_max", "", "Of each image; empty: the instrument's"), "of each image; empty: the instrument's"),
      row("Save", h("select", { name: "saves" }, h("option", { value: "electrons" }, "electrons"), h("option", { value: "time" }, "time"))),
      h("div.bar", this._make = h("button.first", { type: "submit" }, "Plan")));
    this._result = h("section.panel.result", h("p.empty", "Say what is to be reached: the cheapest sequence for it is worked out, with what limits it."));
    fill(this, h("section.panel.side", h("div.bar", h("h2", "What is to be reached")), this._form), this._result);
    link.on("about", (about) => about && fill(this._instrument, about.instruments.map((name) => h("option", name))));
  }

  async make() {
    const given = Object.fromEntries(new FormData(this._form));
    const wanted = { ...given, probability: Number(given.probability), tilt_max: given.tilt_max || null };
    this._make.disabled = true;
    this._make.textContent = "Planning …";
    try {
      this._show(await link.call("POST", "/plan", wanted), wanted);
    } catch (error) {
      fill(this._result, h("div.verdict.bad", h("strong", "No plan"), h("p", error.message)));
    } finally {
      this._make.disabled = false;
      this._make.textContent = "Plan";
    }
  }

  _show(told, wanted) {
    const columns = Object.keys(told.steps[0]);
    const use = h("button", { type: "button", onclick: () => this._use(told, wanted) }, "Edit as a sequence");
    use.hidden = !link.about?.starts;
    fill(this._result, h("div.bar", h("h2", "The cheapest sequence"), h("span", told.said), h("span.grow"), use),
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

function row(title, input, note) {
  return h("label.row", h("span", title), input, note ? h("small.faint", note) : null);
}

customElements.define("eu-plan", Plan);
