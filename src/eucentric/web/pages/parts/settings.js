// <eu-settings>: sequences edited, ordered, switched, saved and loaded, in forms made from the settings models.

import { fill, h } from "./dom.js";
import { group, ownPresets } from "./fields.js";
import { ask, link, say } from "./link.js";

const UNSAVED = "eucentric-unsaved";

class Settings extends HTMLElement {
  connectedCallback() {
    this._list = h("ul.shelf");
    this._name = h("input", { type: "text", "aria-label": "Name to save under", placeholder: "name to save under", spellcheck: "false", oninput: () => this._saves() });
    this._save = h("button.first", { type: "button", onclick: () => this.save() }, "Save");
    this._run = h("button", { type: "button", title: "Run what stands here, saved or not", onclick: () => this.run() }, "Run these");
    this._file = h("input", { type: "file", accept: ".toml", hidden: true, onchange: () => this._read() });
    this._save.disabled = this._run.disabled = true; // until it is known what stands here
    this._told = h("p.note", { role: "status" });
    this._steps = h("ol.order");
    this._form = h("div.form");
    this._whole = h("div.form.whole");
    fill(this,
      h("section.panel.side", h("div.bar", h("h2", "Sequences")), this._list, h("div.bar.foot", h("button", { type: "button", onclick: () => this._file.click() }, "Load file …"), this._file)),
      h("section.panel.editor",
        h("div.bar", this._title = h("h2", "Nothing chosen"), h("span.grow"), this._told, this._name, this._save, h("button", { type: "button", onclick: () => this.download() }, "Save file …"), this._run),
        this._wrong = h("div.error", { role: "alert", hidden: true }),
        h("div.columns", h("div", h("div.bar", h("h2", "Steps, in order"), h("span.grow"), h("button.quiet", { type: "button", onclick: () => this.add() }, "Add step")), this._steps, this._whole), this._form)));
    link.on("shelf", (entries) => this._shelf(entries ?? []));
    link.on("about", (about) => about && this._begin(about));
    link.on("drive", () => this._runnable());
    document.addEventListener("eu-edit", ({ detail }) => this._leaves(detail.name) && this.edit(detail.name, detail.values, true));
  }

  async _begin(about) {
    if (!about.starts) return fill(this, h("section.panel", h("p.empty", "This page shows the run of a command. Settings are edited on the page of: eucentric serve")));
    this._forms ??= await link.call("GET", "/settings/form");
    if (this.values) return;
    const kept = JSON.parse(sessionStorage.getItem(UNSAVED) ?? "null");
    if (kept) this.edit(kept.name, kept.values, true, kept.saveAs, kept.opened);
    else await this.open(sessionStorage.getItem("eucentric-sequence") || about.first);
  }

  _shelf(entries) {
    const row = (one) => h("li", h("button", { type: "button", "aria-current": String(one.name === this.name), title: one.trouble || one.place, onclick: () => this._leaves(one.name) && this.open(one.name) }, h("b", one.saved ? one.name : one.title), h("small", one.trouble ? "can't be read" : one.saved ? one.title : one.place || "as the command was started")));
    const part = (title, list) => (list.length ? [h("li", h("h3", title)), list.map(row)] : []);
    fill(this._list, part("Saved here", entries.filter((one) => one.saved)), part("Come along", entries.filter((one) => !one.saved)));
  }

  async open(name) {
    this._wanted = name;
    try {
      const told = await link.call("GET", `/settings/one/${encodeURIComponent(name)}`);
      if (this._wanted !== name) return;
      const opened = this._saved(name) ? name : "";
      this.edit(name, told.values, false, opened, opened);
    } catch (error) {
      say(error.message, "bad");
    }
  }

  _runnable() {
    this._run.disabled = !this.values || link.newest.get("drive")?.phase !== "idle";
  }

  // `opened`: the saved one that this was, and that it replaces when it is saved.
  edit(name, values, changed, saveAs = "", opened = "") {
    this.name = name;
    this._wanted = null; // what was asked for before comes too late
    this.values = structuredClone(values);
    this.at = 0;
    this._name.value = saveAs;
    this._opened = opened;
    this._asked = "";
    this._saves();
    this._title.textContent = name;
    this._toml = "";
    this._shelf(link.newest.get("shelf") ?? []);
    this._draw();
    this._runnable();
    this._told.textContent = changed ? "not saved" : "";
    this._remember(changed);
    this._check();
  }

  _draw() {
    const { values } = this, forms = this._forms;
    const changed = () => this._changed();
    values.presets ??= [];
    ownPresets(values.presets.map((one) => one.name));
    this._wholes = [
      group("The sequence", forms.sequence, values, changed, "sequence"),
      group("The node", forms.settings, values, changed, "settings"),
      group("Limits on all corrections", forms.limits, values.limits, changed, "limits"),
    ];
    this._own = values.presets.map((preset, k) => group(`Preset ${preset.name}`, forms.preset, preset, changed, `preset-${k}`));
    const drop = (k) => h("button.quiet", { type: "button", onclick: () => this._presets((all) => all.splice(k, 1)) }, `Remove preset ${values.presets[k].name}`);
    const add = h("button.quiet", { type: "button", title: "A preset of the sequence's own, like one of the microscope's", onclick: () => this._presets((all) => all.push(this._newPreset(all))) }, "Add preset");
    fill(this._whole, this._wholes.map((one) => one.element), this._own.map((one, k) => [one.element, drop(k)]), add);
    this._order();
    this._step();
  }

  _newPreset(all) {
    const like = link.about.presets[0], blank = Object.fromEntries(this._forms.preset.map((one) => [one.name, null]));
    return { ...blank, name: `${like} ${all.length + 1}`, like, defocus: "0 nm", image_shift: ["0 nm", "0 nm"], beam_shift: ["0 nm", "0 nm"] };
  }

  _presets(change) {
    this._collect();
    change(this.values.presets);
    this._draw();
    this._changed(false);
  }

  _order() {
    fill(this._steps, this.values.steps.map((step, k) => {
      const on = h("input", { type: "checkbox", checked: step.switch, title: "Whether the step is done at all", "aria-label": `Switch step ${step.name}`, onchange: (event) => { step.switch = event.target.checked; this._step(); this._changed(false); } });
      const move = (by, sign, words) => h("button.quiet", { type: "button", title: words, "aria-label": `${words}: ${step.name}`, disabled: k + by < 0 || k + by >= this.values.steps.length, onclick: () => this.move(k, by) }, sign);
      return h("li", { "aria-current": String(k === this.at), "data-off": String(!step.switch) }, on, h("button.quiet.pick", { type: "button", onclick: () => this.pick(k) }, h("b", step.name), h("small", `${step.focus_method} · ${step.preset}`)), move(-1, "↑", "Earlier"), move(1, "↓", "Later"),
        h("button.quiet", { type: "button", title: "Copy", "aria-label": `Copy step ${step.name}`, onclick: () => this.add(k) }, "+"), h("button.quiet", { type: "button", title: "Remove", "aria-label": `Remove step ${step.name}`, disabled: this.values.steps.length < 2, onclick: () => this.remove(k) }, "×"));
    }));
  }

  _step() {
    const step = this.values.steps[this.at], { step: told, groups, thresholds } = this._forms;
    const known = new Map(told.map((one) => [one.name, one]));
    const changed = () => this._changed();
    this._groups = groups.map((one) => group(one.title, one.fields.map((name) => known.get(name)).filter(Boolean), step, changed, `step-${one.title}`));
    this._thresholds = group("Believed when", thresholds, step.thresholds, changed, "thresholds");
    fill(this._form, h("h2", `Step ${this.at + 1}: ${step.name}`), h("div.groups", this._groups.map((one) => one.element), this._thresholds.element));
  }

  // Take over what stands in the fields.
  _collect() {
    const [sequence, settings, limits] = this._wholes.map((one) => one.get());
    const step = Object.assign({}, ...this._groups.map((one) => one.get()), { thresholds: this._thresholds.get() });
    Object.assign(this.values, sequence, settings, { limits, presets: this._own.map((one) => one.get()) });
    ownPresets(this.values.presets.map((one) => one.name));
    this.values.steps[this.at] = step;
  }

  _changed(collect = true) {
    if (collect) this._collect();
    this._order();
    this._told.textContent = "changed, not saved";
    this._remember(true);
    this._check();
  }

  pick(k) {
    this._collect();
    this.at = k;
    this._order();
    this._step();
    this._check();
  }

  move(k, by) {
    this._collect();
    const { steps } = this.values;
    [steps[k], steps[k + by]] = [steps[k + by], steps[k]];
    if (this.at === k) this.at = k + by;
    else if (this.at === k + by) this.at = k;
    this._step();
    this._changed(false);
  }

  add(k = this.at) {
    this._collect();
    const copy = structuredClone(this.values.steps[k]);
    const names = new Set(this.values.steps.map((one) => one.name));
    let number = 2;
    while (names.has(`${copy.name} ${number}`)) number += 1;
    copy.name = `${copy.name} ${number}`;
    this.values.steps.splice(k + 1, 0, copy);
    this.at = k + 1;
    this._step();
    this._changed(false);
  }

  remove(k) {
    this._collect();
    this.values.steps.splice(k, 1);
    this.at = Math.min(this.at, this.values.steps.length - 1);
    this._step();
    this._changed(false);
  }

  // Answers may overtake each other: the last question counts.
  async _check() {
    const turn = (this._turn = (this._turn ?? 0) + 1);
    const told = await link.call("POST", "/settings/check", { values: this.values }).catch((error) => ({ good: false, sentence: error.message, fields: [] }));
    if (turn !== this._turn) return;
    this._toml = told.toml;
    for (const one of [...this._wholes, ...this._own, ...this._groups, this._thresholds]) for (const field of one.fields.values()) field.wrong("");
    for (const one of this._steps.children) one.removeAttribute("data-wrong");
    this._save.disabled = !told.good;
    this._elsewhere([]);
    if (told.good) return;
    const elsewhere = []; // in a step that is not shown now, or of several fields together
    for (const { path, sentence } of told.fields) {
      const field = this._find(path), step = path[0] === "steps" && this.values.steps[path[1]];
      if (field) field.wrong(sentence);
      else elsewhere.push(step ? `Step ${path[1] + 1}, ${step.name}: ${sentence}` : sentence);
      if (step) this._steps.children[path[1]]?.setAttribute("data-wrong", "true");
    }
    this._elsewhere(told.fields.length ? elsewhere : [told.sentence]);
  }

  _elsewhere(sentences) {
    this._wrong.hidden = !sentences.length;
    fill(this._wrong, sentences.map((one) => h("p", one)));
  }

  _find(path) {
    if (path[0] === "steps") {
      if (path[1] !== this.at) return null;
      const last = path.at(-1);
      return path[2] === "thresholds" ? this._thresholds.fields.get(last) : this._groups.map((one) => one.fields.get(path[2])).find(Boolean);
    }
    if (path[0] === "presets") return this._own[path[1]]?.fields.get(path.at(-1));
    const [sequence, settings, limits] = this._wholes;
    return path[0] === "limits" ? limits.fields.get(path[1]) : sequence.fields.get(path[0]) ?? settings.fields.get(path[0]);
  }

  async save() {
    const name = this._name.value.trim();
    if (!name) {
      this._name.focus();
      return say("Give it a name to save it under.", "care");
    }
    link.put("shelf", await link.call("GET", "/settings").catch(() => link.newest.get("shelf"))); // another browser may have saved one
    // One that was opened is saved in its own place; another one only after its name was asked about.
    const replace = name === this._opened || name === this._asked;
    if (!replace && this._saved(name)) {
      this._asked = name;
      this._saves();
      return say(`'${name}' is saved already: Replace puts this in its place. Or give it another name.`, "care");
    }
    if (!(await ask("PUT", `/settings/one/${encodeURIComponent(name)}`, { values: this.values, replace }))) return;
    this.name = this._opened = name;
    this._asked = "";
    this._saves();
    this._title.textContent = name;
    this._told.textContent = "saved";
    this._remember(false);
    sessionStorage.setItem("eucentric-sequence", name);
    document.dispatchEvent(new CustomEvent("eu-shelf", { detail: name }));
  }

  // What is not saved is given up for something else only when that is asked for twice.
  _leaves(name) {
    const asked = this._left === name || !sessionStorage.getItem(UNSAVED);
    this._left = asked ? "" : name;
    if (!asked) say(`'${this.name}' was changed and is not saved. Save it, or ask for '${name}' once more: the changes are lost then.`, "care");
    return asked;
  }

  // What is not saved survives a reload of this tab.
  _remember(unsaved) {
    this._left = "";
    if (unsaved) sessionStorage.setItem(UNSAVED, JSON.stringify({ name: this.name, values: this.values, saveAs: this._name.value, opened: this._opened }));
    else sessionStorage.removeItem(UNSAVED);
  }

  _saved(name) {
    return (link.newest.get("shelf") ?? []).some((one) => one.name === name && one.saved);
  }

  // What the button does: a name that was asked about is replaced.
  _saves() {
    if (this._name.value.trim() !== this._asked) this._asked = "";
    this._save.textContent = this._asked ? "Replace" : "Save";
  }

  run() {
    if (this._save.disabled) return say("Mend what is marked first.", "care");
    return ask("POST", "/run/focus", { values: this.values });
  }

  async _read() {
    const [file] = this._file.files;
    this._file.value = "";
    if (!file) return;
    try {
      const told = await link.call("POST", "/settings/read", { text: await file.text() });
      const name = file.name.replace(/\.toml$/i, "");
      if (this._leaves(name)) this.edit(name, told.values, true, name);
    } catch (error) {
      say(error.message, "bad");
    }
  }

  download() {
    if (!this._toml) return say("Mend what is marked first.", "care");
    const url = URL.createObjectURL(new Blob([this._toml], { type: "text/plain" }));
    h("a", { href: url, download: `${this._name.value.trim() || this.name || "sequence"}.toml` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

customElements.define("eu-settings", Settings);
