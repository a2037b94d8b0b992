// <eu-run>: the sequence and the session as they go: steps, targets with needs and promises, progress, time left, electrons.

import "./log.js";
import { duration, fading, fill, h } from "./dom.js";
import { ask, link } from "./link.js";
import { Place, Tile, fitted, soon } from "./pixels.js";

const SHAPES = { "to come": "○", now: "◔", done: "●", measured: "●", "by hand": "●", refused: "✕", failed: "✕", skipped: "–", interrupted: "–", "not converged": "✕", "not done": "○", "done before": "●" };

class Run extends HTMLElement {
  connectedCallback() {
    this._steps = h("div.steps");
    this._session = h("div.session");
    this._targets = fading(h("ol.list.targets", { tabindex: 0, "aria-label": "Targets", onscroll: () => (this._away = !this._nowSeen()) }));
    this._applications = h("select", { "aria-label": "Application" });
    this._begin = h("button", { type: "button", onclick: () => ask("POST", "/run/session", { application: this._applications.value }) }, "Start session");
    this._starter = h("div.bar.foot", h("label", "Application ", this._applications), this._begin);
    this._starter.hidden = true;
    this._again = h("button.first", { type: "button", title: "Go on with it: nothing is done twice", onclick: () => ask("POST", "/run/session/again") }, "Resume session");
    this._how = h("p.note.how");
    this._left = h("div.bar.foot", this._how, h("span.grow"), this._again);
    this._left.hidden = true;
    this._image = h("canvas", { role: "img", "aria-label": "The last single image" });
    this._caption = h("figcaption.note");
    this._single = h("figure.single", this._caption, this._image);
    this._single.hidden = true;
    this._tile = new Tile();
    this._place = new Place();
    fill(this, h("section.panel.sequence", this._steps), h("section.panel.units", this._session, this._left, this._starter), h("div.aside", this._single, h("eu-log.panel")));
    link.on("run", () => this._words());
    link.on("session", () => this._words());
    link.on("drive", (drive) => {
      this._beginnable();
      const left = drive?.unfinished;
      this._left.hidden = !left;
      if (left) fill(this._how, "Left unfinished. Without this page it goes on with: ", h("code", left.command));
      this._words();
    });
    link.on("about", (about) => this._about(about));
    this._beginnable();
    const paint = soon(() => this.paint());
    link.on("live", paint);
    new ResizeObserver(paint).observe(this._single);
  }

  _words() {
    if (this.offsetParent === null) return;
    const run = link.newest.get("run");
    if (run) this.run(run);
    this.session(link.newest.get("session"));
  }

  _about(about) {
    this._starter.hidden = !about?.applications.length;
    fill(this._applications, (about?.applications ?? []).map((name) => h("option", name)));
    if (about?.applications.includes("msi-t-small")) this._applications.value = "msi-t-small";
    this._beginnable();
  }

  _beginnable() {
    this._again.disabled = link.newest.get("drive")?.phase !== "idle";
    this._begin.disabled = this._again.disabled || !this._applications.value;
  }

  run(run) {
    const done = run.steps.filter((one) => !["to come", "now", "not done"].includes(one.state)).length;
    fill(this._steps, head("Sequence", run.name || "none yet", run.steps.length ? progress(done, run.steps.length, run) : null),
      run.steps.length ? fading(h("ol.list", run.steps.map((one) => this._step(one)))) : h("p.empty", "Start a sequence above: its steps are shown here as they go."));
  }

  _step(step) {
    const facts = [step.range && `range ±${step.range}`, `tolerance ${step.tolerance}`, step.looks && `${step.looks} look${step.looks > 1 ? "s" : ""}`, step.corrected && `corrected ${step.corrected}`, step.dose].filter(Boolean);
    return h("li", { "data-state": step.state, "data-tone": step.tone ?? "" }, h("i", { "aria-hidden": "true" }, SHAPES[step.state] ?? "●"),
      h("div", h("p.name", h("b", step.name), h("span.state", step.state)), h("p.dim", step.what), step.said ? h("p.said", step.said) : null, h("p.faint", facts.join(" · "))));
  }

  session(session) {
    if (!session) {
      fill(this._session, head("Session", "none yet", null), h("p.empty", "A session's targets are shown here, with what each node needs and promises. One that was begun before goes on with: eucentric run --resume FOLDER"));
      return;
    }
    const nodes = session.nodes.map((one) => `${one.targets} ${one.name}`).join(", ");
    const list = this._targets, before = list.scrollTop;
    fill(list, session.before ? h("li.faint", `${session.before} before`) : null, session.units.map((one) => this._unit(one)), session.after ? h("li.faint", `${session.after} to come`) : null);
    fill(this._session, head("Session", session.name, progress(session.done, session.total, session)), h("p.dim", nodes), list);
    const now = this._present();
    list.scrollTop = now && !this._away ? now.offsetTop - list.offsetTop - list.clientHeight / 3 : before;
  }

  // The target that is worked on, else the last one that was.
  _present() {
    return this._targets.querySelector('[data-state="now"]') ?? [...this._targets.querySelectorAll("li")].findLast((one) => !["to come", "not done"].includes(one.dataset.state));
  }

  // Whoever has scrolled away from it reads, and is left there.
  _nowSeen() {
    const list = this._targets, now = this._present(), at = now && now.offsetTop - list.offsetTop - list.scrollTop;
    return !now || (at + now.offsetHeight > 0 && at < list.clientHeight);
  }

  _unit(unit) {
    const checks = (what, all) => (all ?? []).map((one) => h("p.check", { "data-met": String(one.met) }, h("span", what), h("span", one.text, one.remedy ? h("em", ` ${one.remedy}`) : null)));
    return h("li", { "data-state": unit.state, "data-tone": unit.tone ?? "" }, h("i", { "aria-hidden": "true" }, SHAPES[unit.state] ?? "●"),
      h("div", h("p.name", h("b", unit.key), h("span.state", unit.state)), checks("needs", unit.needs), unit.said ? h("p.said", unit.said) : null, checks("promises", unit.promises), unit.dose && unit.dose !== "0.0 e/Å²" ? h("p.faint", `${unit.dose} for focusing`) : null));
  }

  paint() {
    const packet = link.newest.get("live");
    this._single.hidden = !packet;
    if (!packet || this.offsetParent === null) return;
    this._caption.textContent = packet.what;
    this._place.paint(fitted(this._image), this._tile.draw(packet.planes[0]), this._image.clientWidth, this._image.clientHeight);
  }

  shown() {
    this._words();
    this.querySelector("eu-log").show();
    this.paint();
  }
}

function head(title, name, bar) {
  return h("header", h("div.bar", h("h2", title), h("span.title", name)), bar);
}

function progress(done, total, told) {
  const over = told.over || link.newest.get("drive")?.phase === "idle"; // a session that ended stays so while something else runs
  const left = over ? "ended early" : told.waits ? told.waits : told.left_s === null ? "time left not known" : `${told.left_rough ? "roughly" : "about"} ${duration(Math.max(told.left_s, 1))} left`;
  return h("div.progress", h("progress", { max: total, value: done, "aria-label": "Progress" }), h("p.note", `${done} of ${total}`, h("span.grow"), `${told.dose} · ${done < total ? left : "nothing left"}`));
}

customElements.define("eu-run", Run);
