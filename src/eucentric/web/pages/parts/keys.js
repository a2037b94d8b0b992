// The keys of all views, for the help.

export const KEYS = [
  ["Everywhere", [["1 … 6", "the views"], ["Space", "pause, resume"], ["Shift + S", "start the chosen sequence"], ["Shift + M", "measure once, correct nothing"], ["Shift + A", "abort; what was corrected stays"], ["T", "dark, light, as the system"], ["?", "this help"]]],
  ["Watch: the pair", [["B F D O", "beside, flicker, difference, overlay"], ["V", "the next of these"], ["← →", "in flicker: by hand"], ["P", "the next compared pair"], ["+ − 0", "zoom in, out, whole"], ["arrows, drag, wheel", "move, zoom"]]],
  ["Watch: the correlation", [["C", "origin in the middle, top left"], ["N", "around the peak"], ["R", "compensated, raw"]]],
  ["Manual focus", [["↑ ↓", "one step over, under focus"], ["U J", "one step of the stage up, down"], ["Enter", "a new image"], ["L", "live"]]],
];
