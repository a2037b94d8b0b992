// <eu-watch>: what was read, the pair and the correlation that it was read from: on one screen; the rest below.

import "./map.js";
import "./pair.js";
import "./plots.js";
import "./reading.js";
import { fill, h } from "./dom.js";

class Watch extends HTMLElement {
  connectedCallback() {
    this.pair = h("eu-pair");
    this.map = h("eu-map");
    this.cut = h("eu-cut");
    this.coherence = h("eu-coherence");
    this.spectrum = h("eu-spectrum");
    fill(this, h("eu-reading"), this.pair, this.map, h("div.panels", this.cut, this.coherence, this.spectrum));
    this.addEventListener("eu-pair", (event) => {
      for (const one of [this.map, this.cut, this.coherence]) one.which = event.detail;
      this.map.paint();
      this.cut.show();
      this.coherence.show();
    });
    this.addEventListener("eu-map", (event) => {
      this.cut.kind = event.detail;
      this.cut.show();
    });
  }

  shown() {
    this.pair._draw();
    this.map.paint();
    this.cut.show();
    this.coherence.show();
    this.spectrum.paint();
  }

  key(event) {
    return this.pair.key(event) || this.map.key(event);
  }
}

customElements.define("eu-watch", Watch);
