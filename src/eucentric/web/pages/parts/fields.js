// Fields of a form, as the server describes them: title, input, unit, bounds, help. Values as in a settings file.

import { fill, h } from "./dom.js";
import { link } from "./link.js";

// Quantities are written with µ on screen, and read with either.
const shown = (text) => String(text).replace(/^-/, "−").replace(/(^|[\s\d])um\b/g, "$1µm").replace("A/s", "Å/s").replace("e/A2", "e/Å²");

const EXAMPLES = { m: "20 µm", rad: "5 mrad", s: "2 s", "m/s": "3 Å/s", "1/m2": "50 e/Å²" };

// One field. `get` and `set` its value; `changed` is called after each change.
export function field(told, value, changed, id) {
  const input = { switch: toggle, choice: pick, preset, pairs, pair }[told.kind] ?? typed;
  const made = input(told, value, changed, id);
  const shape = { pair: told.unit ? "y, x, for example 0 nm, 500 nm" : "rows, columns, in pixels", pairs: "y, x of each, for example 0 mrad, −5 mrad; 0 mrad, 5 mrad" };
  const hint = [told.bounds, shape[told.kind], told.kind === "number" && told.unit ? `in ${told.unit}` : "", told.kind === "quantity" && /\d$/.test(told.bounds) && EXAMPLES[told.unit] ? `for example ${EXAMPLES[told.unit]}` : ""].filter(Boolean).join(", ");
  const error = h("p.error", { role: "alert", id: `${id}-error` });
  error.hidden = true;
  const row = h(`div.field.as-${told.kind}`, { "data-field": told.name }, h("label", { for: id, title: told.help }, told.title), h("div.input", made.element, hint ? h("span.hint", hint) : null, error),
    told.help ? h("details", h("summary", { title: told.help, "aria-label": `Help: ${told.title}` }, "?"), h("p", told.help)) : null);
  return {
    row,
    get: made.get,
    wrong(sentence) {
      row.classList.toggle("wrong", Boolean(sentence));
      made.element.setAttribute("aria-invalid", String(Boolean(sentence)));
      if (sentence) made.element.setAttribute("aria-describedby", error.id);
      else made.element.removeAttribute("aria-describedby");
      error.hidden = !sentence;
      error.textContent = sentence;
    },
  };
}

function typed(told, value, changed, id) {
  const number = told.kind === "number" || told.kind === "integer";
  const example = told.optional ? "not set" : EXAMPLES[told.unit] ?? "";
  const element = h("input", { id, type: "text", spellcheck: "false", autocomplete: "off", placeholder: example, value: value === null ? "" : shown(value), onchange: changed });
  const get = () => {
    const text = element.value.trim().replace("−", "-");
    if (text === "") return told.optional ? told.off : "";
    return number && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  return { element, get };
}

function toggle(told, value, changed, id) {
  const element = h("input", { id, type: "checkbox", checked: Boolean(value), onchange: changed });
  return { element, get: () => element.checked };
}

function pick(told, value, changed, id) {
  const element = h("select", { id, onchange: changed }, told.choices.map((one) => h("option", one)));
  element.value = value;
  return { element, get: () => element.value };
}

function preset(told, value, changed, id) {
  const known = [...(link.about?.presets ?? []), ...own], names = value && !known.includes(value) ? [...known, value] : known;
  const element = h("select", { id, onchange: changed }, told.optional ? h("option", { value: "" }, "not set") : null, names.map((one) => h("option", { value: one }, known.includes(one) ? one : `${one} (not on this microscope)`)));
  element.value = value ?? "";
  return { element, get: () => element.value || null };
}

// Tilts (y, x): "0 mrad, -5 mrad; 0 mrad, 5 mrad".
function pairs(told, value, changed, id) {
  const text = (value ?? []).map((pair) => pair.join(", ")).join("; ");
  const element = h("input", { id, type: "text", spellcheck: "false", placeholder: "not set", value: text, onchange: changed });
  const get = () => element.value.replaceAll("−", "-").split(";").map((pair) => pair.split(",").map((one) => one.trim()).filter(Boolean)).filter((pair) => pair.length);
  return { element, get };
}

// Two values (y, x): "0 nm, 500 nm".
function pair(told, value, changed, id) {
  const element = h("input", { id, type: "text", spellcheck: "false", placeholder: told.optional ? "not set" : "y, x", value: (value ?? []).map(shown).join(", "), onchange: changed });
  const one = (text) => (/^\d+$/.test(text) ? Number(text) : text);
  const get = () => (element.value.trim() ? element.value.replaceAll("−", "-").split(",").map((text) => one(text.trim())) : told.optional ? null : []);
  return { element, get };
}

// Presets that the settings bring along, beside the microscope's.
let own = [];
export function ownPresets(names) {
  own = names;
}

// A group of fields below a title. `values` by name.
export function group(title, told, values, changed, key) {
  const fields = new Map(told.map((one) => [one.name, field(one, values[one.name], changed, `${key}-${one.name}`)]));
  const element = fill(h("fieldset"), h("legend", title), [...fields.values()].map((one) => one.row));
  return { element, fields, get: () => Object.fromEntries([...fields].map(([name, one]) => [name, one.get()])) };
}
