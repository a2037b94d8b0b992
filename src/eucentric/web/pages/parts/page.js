// <eu-page>: the frame of the page: views, transport, who controls, help; and all keys.

import "./history.js";
import "./manual.js";
import "./plan.js";
import "./run.js";
import "./settings.js";
import "./watch.js";
import { clock, duration, fill, h, typing } from "./dom.js";
import { KEYS } from "./keys.js";
import { ask, link, say } from "./link.js";
import { themeButton } from "./theme.js";

const VIEWS = [["watch", "Watch"], ["run", "Run"], ["settings", "Settings"], ["history", "History"], ["manual", "Manual focus"], ["plan", "Plan"]];
const HAD = "eucentric-had-control"; // whether this tab controlled when it last heard: a loss is told, also after a reload

class Page extends HTMLElement {
  connectedCallback() {
    this._views = new Map(VIEWS.map(([name]) => [name, h(`eu-${name}`, { id: `view-${name}`, role: "tabpanel" })]));
    this._tabs = VIEWS.map(([name, title], k) => h("button", { type: "button", role: "tab", "aria-controls": `view-${name}`, title: `Key ${k + 1}`, onclick: () => this.view(name) }, title));
    this._build();
    this._follow();
    document.addEventListener("keydown", (event) => this._key(event));
    // What was clicked keeps no focus: the next Space would not pause but do it again, and it may move the stage.
    document.addEventListener("click", (event) => event.detail && event.target.closest?.("button")?.blur());
    document.addEventListener("eu-say", (event) => this._said(event.detail));
    document.addEventListener("eu-open", () => this._address());
    document.addEventListener("eu-view", (event) => this.view(event.detail));
    addEventListener("hashchange", () => {
      link.readdress();
      this._fromHash();
    });
    this._fromHash();
    setInterval(() => this._elapsed(), 500);
    link.start();
  }

  // How many pictures of a kind were shown since the page was loaded: for whoever measures how fast it is.
  shown(kind) {
    return link.shown[kind] ?? 0;
  }

  _build() {
    this._instrument = h("span.instrument");
    this._link = h("span.link", { role: "status" });
    this._control = h("button.quiet", { type: "button", onclick: () => this._takeOrGive() });
    this._theme = themeButton();
    this._sequence = h("select", { "aria-label": "Sequence", title: "The sequence that Start runs", onchange: () => sessionStorage.setItem("eucentric-sequence", this._sequence.value) });
    const button = (name, title, act) => h(`button${name === "Start" ? ".first" : ""}`, { type: "button", title, onclick: act }, name);
    this._start = button("Start", "Run the chosen sequence (Shift + S)", () => this.start());
    this._measure = button("Measure once", "Measure once, correct nothing (Shift + M)", () => this.measure());
    this._pause = button("Pause", "Stand still before the next call of the instrument (Space)", () => this.pause());
    this._abort = button("Abort", "End it; what measuring changed is restored, what was corrected stays (Shift + A)", () => ask("POST", "/run/abort"));
    this._banner = h("div.banner", { role: "alert" });
    this._banner.hidden = true;
    this._asked = h("p");
    this._yes = h("button.first", { type: "button" });
    this._question = h("dialog.question", this._asked, h("div.bar", h("span.grow"), h("button", { type: "button", onclick: () => this._question.close() }, "Cancel"), this._yes));
    this._abort.classList.add("stop");
    this._chip = h("span.chip", { role: "status" });
    this._doing = h("span.doing");
    this._spent = h("span.spent.number");
    this._toast = h("div.toast", { role: "alert", title: "Click to close", onclick: () => (this._toast.hidden = true) });
    this._toast.hidden = true;
    this._help = h("dialog.help", { "aria-label": "Keys" }, h("div.bar", h("h2", "Keys"), h("span.grow"), h("button.quiet", { type: "button", onclick: () => this._help.close() }, "Close")),
      h("div.columns", KEYS.map(([title, keys]) => h("section", h("h3", title), h("dl", keys.map(([key, what]) => [h("dt", key), h("dd", what)]))))));
    for (const one of [this._start, this._measure, this._pause, this._abort]) one.disabled = true;
    fill(this,
      h("header.top", h("span.brand", "eucentric"), this._instrument, h("nav", { role: "tablist", "aria-label": "Views" }, this._tabs), h("span.grow"), this._link, this._control, this._theme, h("button.quiet", { type: "button", title: "Keys (?)", onclick: () => this.help() }, "?")),
      h("div.transport", this._sequence, this._start, this._measure, this._pause, this._abort, this._chip, this._doing, h("span.grow"), this._spent),
      this._banner, h("main", [...this._views.values()]), this._toast, this._help, this._question);
  }

  _follow() {
    link.addEventListener("link", () => this._linked());
    link.on("drive", (drive) => drive && this._drove(drive));
    link.on("run", (run) => run && this._ran(run));
    link.on("session", () => this._elapsed());
    link.on("manual", (now) => this._waits(Boolean(now)));
    link.on("control", (control) => control && this._controlled(control));
    document.addEventListener("eu-shelf", (event) => this._shelf(event.detail));
  }

  async _about() {
    try {
      const about = await link.call("GET", "/about");
      link.about = about;
      link.put("about", about);
      this._instrument.textContent = about.instrument;
      document.title = `eucentric · ${about.instrument}`;
      if (about.starts) await this._shelf();
      for (const one of [this._sequence, this._start, this._measure]) one.hidden = !about.starts;
    } catch (error) {
      say(error.message, "bad");
    }
  }

  async _shelf(wanted) {
    const entries = await link.call("GET", "/settings");
    link.put("shelf", entries);
    const chosen = wanted || this._sequence.value || sessionStorage.getItem("eucentric-sequence") || link.about.first;
    const group = (title, list) => (list.length ? h("optgroup", { label: title }, list.map((one) => h("option", { value: one.name, disabled: Boolean(one.trouble) }, one.saved ? one.name : one.title))) : null);
    fill(this._sequence, group("Saved", entries.filter((one) => one.saved)), group("Come along", entries.filter((one) => !one.saved)));
    this._sequence.value = entries.some((one) => one.name === chosen) ? chosen : link.about.first;
    this._startable();
  }

  // Nothing is started before it is known what.
  _startable() {
    this._start.disabled = this._measure.disabled = !this._there || this._phase !== "idle" || !this._sequence.value;
  }

  view(name) {
    if (!this._views.has(name)) return;
    if (this._now && this._now !== name) this._views.get(this._now).left?.();
    this._now = name;
    VIEWS.forEach(([one], k) => {
      this._tabs[k].setAttribute("aria-selected", String(one === name));
      this._views.get(one).hidden = one !== name;
    });
    this._address();
    this._views.get(name).shown?.();
  }

  _fromHash() {
    const [name, ...within] = location.hash.slice(1).split("/"), known = this._views.has(name);
    if (known && within.length) this._views.get(name).go?.(within.join("/"));
    this.view(known ? name : this._now ?? "watch");
  }

  // The view, and what is open in it: a reload opens it again.
  _address() {
    const hash = `#${[this._now, this._views.get(this._now).opened].filter(Boolean).join("/")}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }

  start() {
    if (!this._start.disabled) this._runs("/run/focus");
  }

  measure() {
    if (!this._measure.disabled) this._runs("/run/measure");
  }

  // What is chosen runs as it is saved: where something else stands in the settings, that is said.
  async _runs(path) {
    const name = this._sequence.value, unsaved = JSON.parse(sessionStorage.getItem("eucentric-unsaved") ?? "null");
    if (!(await ask("POST", path, { name })) || !unsaved) return;
    say(`Running '${name}' as it is saved. What was changed in Settings ('${unsaved.name}') is not saved, and not in it: 'Run these' there runs what you typed.`, "care");
  }

  pause() {
    if (this._pause.disabled) return;
    ask("POST", this._phase === "paused" || this._phase === "pausing" ? "/run/resume" : "/run/pause");
  }

  _drove(drive) {
    this._phase = drive.phase;
    this._drive = drive;
    this._transport();
    this._tell();
  }

  // A step that is done by hand stands until somebody comes: that is not seen as running, in any view.
  _waits(byHand) {
    this._byHand = byHand;
    this._tabs[VIEWS.findIndex(([name]) => name === "manual")].dataset.waits = String(byHand);
    this._transport();
    this._tell();
  }

  // What goes on, and what can be done about it: nothing while the server is not there.
  _transport() {
    const { _drive: drive, _there: there } = this;
    this._startable();
    this._control.disabled = !there;
    for (const view of ["run", "manual"]) this._views.get(view).inert = !there;
    if (!drive) return;
    const idle = drive.phase === "idle", held = drive.phase === "paused" || drive.phase === "pausing";
    this._pause.disabled = this._abort.disabled = !there || idle || drive.phase === "stopping";
    this._pause.textContent = held ? "Resume" : "Pause";
    const doing = { idle: drive.said ? "Ended" : "Idle", running: this._byHand ? "By hand" : drive.waits ? "Waiting" : "Running", pausing: "Pausing", paused: "Paused", stopping: "Stopping" }[drive.phase];
    this._chip.textContent = there ? doing : `Not known; last: ${doing}`;
    this._chip.dataset.tone = !there ? "" : idle ? drive.tone : held || this._byHand || drive.waits ? "care" : "live";
  }

  _ran(run) {
    this._run = run;
    this._tell();
  }

  _tell() {
    const idle = this._phase === "idle";
    const restores = this._phase === "stopping" && (this._drive?.waits ? `Aborted. ${this._drive.waits}` : "Aborted: waiting until everything is restored …");
    this._doing.textContent = idle ? this._drive?.said ?? "" : restores || [this._drive?.title, this._run?.doing, this._drive?.waits, this._byHand && "waits for the operator at Manual focus (key 5)"].filter(Boolean).join(" · ");
    this._doing.title = this._doing.textContent;
    this._elapsed();
  }

  _elapsed() {
    const drive = this._drive;
    if (!drive?.began || !this._there) return;
    const end = this._phase === "idle" && drive.ended ? new Date(drive.ended) : new Date();
    const dose = drive.kind === "session" ? link.newest.get("session")?.dose : this._run?.dose;
    this._spent.textContent = [dose, duration(Math.max((end - new Date(drive.began)) / 1000, 0))].filter(Boolean).join(" · ");
  }

  _linked() {
    const was = this._there;
    this._there = link.state === "connected";
    this.dataset.link = link.state;
    this._link.textContent = link.state === "connecting" ? "connecting …" : "";
    if (was && !this._there) this._lostAt = clock(new Date());
    const since = this._lostAt ? ` What is shown is of ${this._lostAt} and may be old: what the microscope does now is not known here.` : "";
    this._banner.textContent = { lost: `No connection to the server; it is tried again and again.${since}`, refused: `This page's token is missing, or of a server that was ended. Open the address that the start printed: its token is missing here.${since}` }[link.state] ?? "";
    this._banner.hidden = !this._banner.textContent;
    if (this._there) this._about();
    this._transport();
    this._elapsed();
  }

  _controlled(control) {
    this._held = control.holder;
    this._holder = control.name;
    const mine = control.holder === link.client;
    if (!mine && sessionStorage.getItem(HAD) === "yes") {
      say(control.holder ? `${control.name} took control: this page watches now.` : "This page was away for too long and controls no longer. Whoever acts next takes control.", "care");
    }
    sessionStorage.setItem(HAD, mine ? "yes" : "");
    const others = control.watching > 1 ? ` · ${control.watching} watch` : "";
    this._control.textContent = `${mine ? "You control" : control.holder ? `${control.name} controls` : "Nobody controls"}${others}`;
    this._control.title = mine ? "Give control back" : "Take control of the microscope";
    this._control.dataset.mine = String(mine);
  }

  _takeOrGive() {
    const mine = this._held === link.client;
    if (mine) sessionStorage.setItem(HAD, ""); // given back: that is no loss
    const go = () => ask("POST", mine ? "/control/release" : "/control/take");
    if (mine || !this._held) return go();
    return this._confirm(`${this._holder} controls the microscope now, and could only watch then. (Abort works without control, too.)`, "Take control", go);
  }

  // Ask before something is done that another one would feel.
  _confirm(question, yes, act) {
    this._asked.textContent = question;
    this._yes.textContent = yes;
    this._yes.onclick = () => {
      this._question.close();
      act();
    };
    this._question.showModal();
  }

  help() {
    if (this._help.open) this._help.close();
    else this._help.showModal();
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?" && !typing(event)) return this.help();
    if (typing(event) || this._help.open || this._question.open) return;
    const control = event.target instanceof Element && event.target.closest("button, summary, input, select, a");
    if (control && (event.key === " " || event.key === "Enter")) return; // the control's own
    if (this._act(event) || (!this._views.get(this._now).inert && this._views.get(this._now).key?.(event))) event.preventDefault();
  }

  // A key that is held down acts once.
  _act(event) {
    const act = this._meant(event);
    if (act && !event.repeat) act();
    return Boolean(act);
  }

  _meant({ key, shiftKey }) {
    const number = Number(key);
    if (number >= 1 && number <= VIEWS.length) return () => this.view(VIEWS[number - 1][0]);
    if (key === " ") return () => this.pause();
    if (key === "S" && shiftKey) return () => this.start();
    if (key === "A" && shiftKey) return () => this._abort.click();
    if (key === "M" && shiftKey) return () => this.measure();
    if (key === "t") return () => this._theme.click();
    return null;
  }

  _said({ text, tone }) {
    this._toast.textContent = text;
    this._toast.dataset.tone = tone;
    this._toast.hidden = false;
    clearTimeout(this._toastTimer);
    this._toastTimer = setTimeout(() => (this._toast.hidden = true), 6000 + 40 * text.length);
  }
}

customElements.define("eu-page", Page);
