// <eu-log>: what happened, line by line, as in the terminal; the newest at the foot.

import { clock, fill, h } from "./dom.js";
import { link } from "./link.js";

class Log extends HTMLElement {
  connectedCallback() {
    this._list = h("ol", { tabindex: 0, "aria-label": "What happened" });
    fill(this, h("div.bar", h("h2", "What happened")), this._list);
    link.on("log", () => this.show());
  }

  show() {
    if (this.offsetParent === null) return;
    const lines = link.newest.get("log") ?? [];
    const list = this._list, follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    fill(list, lines.length ? lines.map((line) => h("li", { "data-tone": line.tone }, h("time", clock(line.at)), h("b", line.what), h("span", line.text))) : h("li.empty", "Nothing yet."));
    if (follows) list.scrollTop = list.scrollHeight;
  }
}

customElements.define("eu-log", Log);
