// <eu-log>: what happened, line by line, as in the terminal; the newest at the foot, unless one has scrolled back.

import { clock, fading, fill, h } from "./dom.js";
import { link } from "./link.js";

const NEAR_PX = 40;

class Log extends HTMLElement {
  connectedCallback() {
    this._follows = true;
    this._list = fading(h("ol", { tabindex: 0, "aria-label": "What happened", onscroll: () => this._scrolled() }));
    fill(this, h("div.bar", h("h2", "What happened")), this._list);
    new ResizeObserver(() => this._foot()).observe(this._list);
    link.on("log", () => this.show());
  }

  show() {
    if (this.offsetParent === null) return;
    const lines = link.newest.get("log") ?? [];
    fill(this._list, lines.length ? lines.map((line) => h("li", { "data-tone": line.tone }, h("time", clock(line.at)), h("b", line.what), h("span", line.text))) : h("li.empty", "Nothing yet."));
    this._foot();
  }

  _foot() {
    if (this._follows) this._list.scrollTop = this._list.scrollHeight;
  }

  // Who scrolls back reads; at the foot it goes on.
  _scrolled() {
    const list = this._list, height = list.clientHeight;
    if (height === this._height) this._follows = list.scrollHeight - list.scrollTop - height < NEAR_PX;
    this._height = height;
  }
}

customElements.define("eu-log", Log);
