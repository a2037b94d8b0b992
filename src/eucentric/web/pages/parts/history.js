import { fill, h } from "./dom.js";
class View extends HTMLElement { connectedCallback() { fill(this, h("p.empty", "…")); } }
customElements.define("eu-history", View);
