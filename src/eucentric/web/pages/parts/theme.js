// Dark, light, or as the system has it: kept by the browser.

import { h } from "./dom.js";

const NAMES = { dark: "Dark", light: "Light", auto: "As system" };

// The button that goes to the next one; the page is put as it was the last time, dark at first.
export function themeButton() {
  const names = Object.keys(NAMES), root = document.documentElement.dataset;
  const button = h("button.quiet", { type: "button", title: "Dark, light, as the system (key T)", onclick: () => put(names[(names.indexOf(root.theme) + 1) % names.length]) });
  const put = (name) => {
    root.theme = name;
    localStorage.setItem("eucentric-theme", name);
    button.textContent = NAMES[name];
    document.dispatchEvent(new Event("eu-theme"));
  };
  const kept = localStorage.getItem("eucentric-theme");
  put(names.includes(kept) ? kept : "dark");
  return button;
}
