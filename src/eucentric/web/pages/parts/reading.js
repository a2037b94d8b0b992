// <eu-reading>: what the last measurement said: defocus ± error, the verdict with its reason and what to do, the rest.

import { fill, h } from "./dom.js";
import { link } from "./link.js";

class Reading extends HTMLElement {
  connectedCallback() {
    this.source ??= link;
    this.source.on("reading", (told) => this.show(told, this._moved));
    this.source.on("curves", (curves) => {
      this._moved = curves;
      this.show(this.source.newest.get("reading"), curves);
    });
  }

  show(told, curves) {
    if (!told) return fill(this, h("div.head", h("h2", "Reading"), h("p.empty", "Nothing measured yet.")));
    const big = told.big ?? { value: "–", error: "", unit: "" };
    const moved = curves?.number === told.number ? Math.max(...curves.links.map((one) => one.lit_moved ?? 0)) : 0;
    return fill(this,
      h("div.head",
        h("div.found", h("div.bar", h("h2", "Defocus"), h("p.note", `${told.step}${told.target === "here" ? "" : `, ${told.target}`}`)),
          h("p.big", { "data-accepted": String(told.accepted || !told.big) }, h("span.value", big.value), h("span.error", big.error ? ` ± ${big.error}` : ""), h("span.unit", ` ${big.unit}`)),
          h("p.side", told.side ?? "not known", told.offset ? h("span.faint", ` · taken at ${told.offset}, told without it`) : null)),
        this._verdict(told, moved)),
      h("div.rest", h("dl.rows", { "data-accepted": String(told.accepted) }, told.rows.map((row) => [h("dt", row.name), h("dd", h("span", row.value), row.note ? h("small", row.note) : null)])),
        told.budget.length ? this._budget(told) : null));
  }

  _verdict(told, moved) {
    const lit = moved > 0.02 ? `The lit area moved ${Math.round(moved * 100)} % of the field: align the beam tilt pivot points.` : "";
    if (told.accepted) return h("div.verdict.good", h("strong", "Accepted"), lit ? h("p", lit) : null);
    return h("div.verdict.bad", h("strong", `Refused: ${told.findings[0].reason}`), lit ? h("p", lit) : null,
      told.findings.slice(0, 2).map((one, k) => h("p", `${one.found}; ${one.allowed}. `, k ? null : h("em", one.advice)))); // what to do first
  }

  _budget({ accepted, budget: parts }) {
    return h("div.budget", { "data-accepted": String(accepted) }, h("h3", "What the error is made of"), parts.slice(0, 5).map((part) =>
      h("div.part", h("span", part.source), h("meter", { min: 0, max: 1, value: part.part, "aria-label": part.source }), h("span.number", part.sigma))));
  }
}

customElements.define("eu-reading", Reading);
