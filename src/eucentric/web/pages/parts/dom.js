// Making elements: h("div.note", {title: "…"}, "text", child).

export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  const given = rest.length && isPlain(rest[0]) ? rest.shift() : {};
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") made[name] = value;
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...rest.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

function isPlain(value) {
  return value !== null && typeof value === "object" && !(value instanceof Node) && !Array.isArray(value);
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

// A list that scrolls: where there is more above or below, its edge fades instead of cutting a line in two.
export function fading(list) {
  const see = () => {
    list.toggleAttribute("data-above", list.scrollTop > 1);
    list.toggleAttribute("data-below", list.scrollHeight - list.clientHeight - list.scrollTop > 1);
  };
  list.addEventListener("scroll", see);
  new ResizeObserver(see).observe(list);
  return list;
}

// A row of buttons of which one is chosen. `options`: [[value, label, title], …].
export function choice(options, chosen, act, label) {
  const row = h("div.choice", { role: "radiogroup", "aria-label": label });
  const buttons = options.map(([value, text, title]) =>
    h("button", { type: "button", role: "radio", title, "data-value": value, onclick: () => pick(value) }, text));
  function pick(value, tell = true) {
    for (const one of buttons) one.setAttribute("aria-checked", String(one.dataset.value === value));
    row.value = value;
    if (tell) act(value);
  }
  row.append(...buttons);
  row.pick = pick;
  pick(chosen, false);
  return row;
}

const two = (number) => String(number).padStart(2, "0");

// "12:34:56" of an ISO time, where the browser is.
export function clock(iso) {
  const at = new Date(iso);
  return iso ? [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":") : "";
}

// "2026-11-30 12:34:56" of an ISO time, where the browser is.
export function dated(iso) {
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(iso)}`;
}

// "45 s", "12 min", "3 h 05 min".
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function minus(text) {
  return String(text).replaceAll("-", "−");
}

// A number with so many digits that count, and a real minus sign.
export function digits(value, count = 3) {
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  return minus(value.toFixed(Math.min(Math.max(count - 1 - size, 0), 6)));
}

// The largest 1, 2 or 5 times a power of ten that is not above a positive value.
export function round125(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((one) => one * power).find((one) => one <= value * (1 + 1e-9)) ?? power;
}

// A round length in nm, µm or mm.
export function lengthLabel(metres) {
  if (metres < 0.9999e-6) return `${Number((metres * 1e9).toPrecision(3))} nm`;
  if (metres < 0.9999e-3) return `${Number((metres * 1e6).toPrecision(3))} µm`;
  return `${Number((metres * 1e3).toPrecision(3))} mm`;
}

export function typing(event) {
  const at = event.target;
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) && at.type !== "range" && at.type !== "checkbox";
}
