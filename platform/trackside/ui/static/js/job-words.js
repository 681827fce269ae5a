// A job in words and pills; the same as templatetags/ui.py's `state` and jobs/views.py's `sentence`.
import { icon } from "./icons.js";
import { thousands } from "./words.js";

const PLAIN = ["queued", "starting", "running"]; // whose reason says the state itself
export const OVER = ["succeeded", "failed", "cancelled"];
const LOOKS = {
  queued: ["bz", "clock"],
  paused: ["", "pause"],
  starting: ["ac", "loader"],
  running: ["ac", "play"],
  stopping: ["wn", "flag"],
  succeeded: ["ok", "check"],
  failed: ["er", "x"],
  cancelled: ["", "ban"],
};

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function pill(state) {
  const [kind, name] = LOOKS[state] ?? ["", "circle"];
  const one = document.createElement("span");
  one.className = kind ? `p p--${kind}` : "p";
  one.append(icon(name), capital(state));
  return one;
}

// Of which one is at work, and what it is called; the same as ui/words.py's.
const COUNTED = { epoch: "epoch", round: "round", tree: "tree", trial: "trial", model: "model", point: "point", step: "explaining, step" };

export function amount({ done, of, unit, before }) {
  if (!of) return "";
  if (COUNTED[unit] && done < of) return capital(`${COUNTED[unit]} ${thousands(Math.floor(done ?? 0) + 1)} of ${thousands(of)}${before ? ` more, after ${thousands(before)}` : ""}`);
  if (before && done === of) return `${thousands(of)} more ${unit}${of === 1 ? "" : "s"}, ${thousands(before + of)} in all`;
  const short = (number) => thousands(Math.round(number * 10) / 10);
  return `${short(done)} of ${short(of)} ${unit ?? ""}${of === 1 ? "" : "s"}`;
}

// In percent. `share` is of the whole, where `done` and `of` count a part of it: trials, then rounds.
export const share = ({ done, of, share: whole }) => (of ? Math.max(0, Math.min(100, 100 * (whole ?? done / of))) : 0);

export function turn(place, waiting) {
  const others = `${waiting.toLocaleString("en")} in the queue`;
  return place === 1 ? `Next of ${others}` : `Number ${place.toLocaleString("en")} of ${others}`;
}

export function sentence(type, data) {
  switch (type) {
    case "state": {
      if (data.reason && PLAIN.includes(data.state)) return data.reason;
      const where = data.node ? ` on ${data.node}` : "";
      return `${capital(data.state ?? "")}${where}${data.reason ? `: ${data.reason}` : ""}`;
    }
    case "started": {
      const ranks = data.ranks ?? 1;
      return `Runs on ${data.device ?? "a device"} with ${ranks} rank${ranks === 1 ? "" : "s"}.`;
    }
    case "checkpoint":
      return data.step ? `Checkpoint in epoch ${data.epoch + 1}, step ${data.step} written.` : `Checkpoint after epoch ${data.epoch} written.`;
    case "finished":
      return "Finished.";
    case "failed":
      return data.message ?? "Failed.";
    case "phase":
    case "note":
      return data.text ?? data.name ?? "";
  }
  return "";
}
