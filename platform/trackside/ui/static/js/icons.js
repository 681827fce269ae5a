// The same icon as {% icon "name" %}, as an element.
const sprite = document.querySelector('meta[name="icons"]')?.content ?? "";
const svg = "http://www.w3.org/2000/svg";

export function icon(name, extra = "") {
  const one = document.createElementNS(svg, "svg");
  one.setAttribute("class", `i ${extra}`.trim());
  one.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  one.append(use);
  return one;
}
