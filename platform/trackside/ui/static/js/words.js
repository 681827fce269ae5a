// Numbers as people read them; the same as ui/words.py.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const NOTHING = "–";

export function size(number) {
  if (number === null || number === undefined) return NOTHING;
  let value = number;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit ? `${value.toFixed(1)} ${UNITS[unit]}` : `${value} B`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
  return `${Math.round(minutes / 1440)} days`;
}

export const whole = (number) => (number === null || number === undefined ? NOTHING : String(Math.round(number)));
export const gib = (number) => (number === null || number === undefined ? NOTHING : (number / 2 ** 30).toFixed(1));
export const thousands = (number) => Number(number).toLocaleString("en-US");
export const plural = (number, word) => `${thousands(number)} ${word}${number === 1 ? "" : "s"}`;
export const initials = (name) => name.replace(/[._]/g, " ").trim().split(/\s+/).slice(0, 2).map((word) => word[0]).join("").toUpperCase() || "?";

// Writes only what is another text: nothing is drawn anew for nothing, and no selection is lost.
export function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}
