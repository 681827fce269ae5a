// A table of any size: only the rows and columns in sight are drawn, and windows of the rows are
// fetched as they come into sight. A browser's boxes end at some ten million pixels, so beyond TALL
// the scrollbar stands for the whole table, and small movements go on row by row.
import { thousands } from "../words.js";
import { Windows } from "./sheet-windows.js";

const ROW = 28;
const HEAD = 32;
const TALL = 8_000_000;
const ROOM = 4000; // px
const SPARE = 6; // rows drawn above and below what is in sight
const NAMES = { text: "text", integer: "123", number: "1.2", boolean: "y/n", date: "date", datetime: "time", string: "text" };

const [LETTER, GAP, CHIP] = [7.2, 26, 44]; // px: what a column's name and its type take
const [NARROW, WIDE, SHARE] = [92, 320, 150]; // px
const GENEROUS = { text: 170, string: 170, datetime: 170, date: 110, number: 104 };

const box = document.getElementById("sheet");
const facts = JSON.parse(document.getElementById("sheet-facts").textContent);
const { rows } = facts;
const columns = facts.columns.map(column);
const gutter = 22 + 8 * String(thousands(rows)).length;
const lefts = [];
let wide = gutter;
for (const column of columns) {
  lefts.push(wide);
  wide += column.width;
}
const whole = rows * ROW;
const scale = Math.min(whole, TALL);
const windows = new Windows(box.dataset.url, facts, soon);

let top = 0; // px of the whole table above the view
let last = 0; // the scrollbar's place
let wanted = false;

const table = part("div", "sheet__t", { role: "table", "aria-label": box.getAttribute("aria-label"), "aria-rowcount": rows + 1, "aria-colcount": columns.length + 1 });
const head = part("div", "sheet__h", { role: "row", "aria-rowindex": 1 });
const headGroup = part("div", "sheet__g", { role: "rowgroup" });
const body = part("div", "sheet__b", { role: "rowgroup" });
headGroup.append(head);
table.append(headGroup, body);
box.replaceChildren(table);
table.style.width = `${wide}px`;
table.style.height = `${scale + HEAD}px`;
head.style.height = `${HEAD}px`;

box.addEventListener("scroll", scrolled, { passive: true });
new ResizeObserver(soon).observe(box);
document.getElementById("sheet-go").addEventListener("submit", go);
box.addEventListener("keydown", (event) => {
  if (event.key === "Home") jump(event, 0, event.ctrlKey ? 0 : null);
  if (event.key === "End") jump(event, rows - 1, event.ctrlKey ? columns.length - 1 : null);
});

function column([name, type, missing]) {
  const share = name.startsWith("proba_");
  const named = GAP + CHIP + LETTER * name.length;
  const width = share ? SHARE : Math.round(Math.min(WIDE, Math.max(NARROW, GENEROUS[type] ?? 0, named)));
  return { name, type, missing, share, width, right: (type === "integer" || type === "number") && !share };
}

const view = () => Math.max(ROW, box.clientHeight - HEAD);
const most = () => Math.max(0, whole - view());
const bar = () => Math.max(0, scale - view());

function scrolled() {
  const now = box.scrollTop;
  const moved = now - last;
  last = now;
  if (whole === scale) top = now;
  else if (Math.abs(moved) > 2 * view()) top = bar() ? (now / bar()) * most() : 0;
  else {
    top = Math.max(0, Math.min(most(), top + moved));
    if (now < least() / 2 || bar() - now < spare() / 2) place(top); // the bar ends soon, the table does not
  }
  soon();
}

// The bar's way to its own ends is at least as long as the table's, or ROOM: it can always go on.
const least = () => Math.min(top, ROOM);
const spare = () => Math.min(most() - top, ROOM);

function place(to) {
  top = Math.max(0, Math.min(most(), to));
  const share = most() ? (top / most()) * bar() : 0;
  box.scrollTop = whole === scale ? top : Math.max(least(), Math.min(bar() - spare(), share));
  last = box.scrollTop;
  if (whole === scale) top = last;
}

function soon() {
  if (wanted) return;
  wanted = true;
  requestAnimationFrame(() => {
    wanted = false;
    draw();
  });
}

function draw() {
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const end = Math.min(rows, Math.ceil((top + view()) / ROW) + SPARE);
  const [left, right] = inSight();
  drawHead(left, right);
  windows.want(first, end, left, right);
  body.style.transform = `translateY(${box.scrollTop + first * ROW - top}px)`;
  body.replaceChildren(...Array.from({ length: end - first }, (_, at) => drawRow(first + at, at, left, right)));
  say();
}

function inSight() {
  const from = box.scrollLeft + gutter;
  const to = box.scrollLeft + box.clientWidth;
  let left = lefts.findIndex((at, place) => at + columns[place].width > from);
  left = left < 0 ? columns.length - 1 : left;
  let right = left;
  while (right < columns.length && lefts[right] < to) right += 1;
  return [left, Math.max(right, left + 1)];
}

function drawHead(left, right) {
  const corner = part("span", "sheet__n", { role: "columnheader", "aria-colindex": 1 });
  corner.textContent = "#";
  corner.style.width = `${gutter}px`;
  const cells = [corner];
  for (let at = left; at < right; at += 1) {
    const column = columns[at];
    const cell = boxed(at, "sheet__c", "columnheader");
    const name = part("b", "clip");
    name.textContent = column.name;
    cell.append(name);
    if (column.type) {
      const chip = part("span", `chip chip--${column.type}`);
      chip.textContent = NAMES[column.type] ?? column.type;
      cell.append(chip);
    }
    cell.title = `${column.name}${column.type ? `, ${column.type}` : ""}${column.missing ? `, ${column.missing} % missing` : ""}`;
    cells.push(cell);
  }
  head.replaceChildren(...cells);
}

function drawRow(number, at, left, right) {
  const row = part("div", number % 2 ? "sheet__r sheet__r--odd" : "sheet__r", { role: "row", "aria-rowindex": number + 2 });
  row.style.top = `${at * ROW}px`;
  row.style.width = `${wide}px`;
  const count = part("span", "sheet__n num", { role: "rowheader", "aria-colindex": 1 });
  count.textContent = thousands(number + 1);
  count.style.width = `${gutter}px`;
  row.append(count);
  for (let column = left; column < right; column += 1) row.append(drawCell(number, column));
  return row;
}

function drawCell(row, place) {
  const column = columns[place];
  const cell = boxed(place, column.right ? "sheet__c sheet__c--r num" : "sheet__c", "cell");
  const value = windows.cell(row, place);
  if (value === undefined) cell.append(part("span", "sheet__w"));
  else if (value === null) {
    cell.classList.add("sheet__c--gone");
    cell.textContent = "missing";
  } else if (column.share && value !== "") cell.append(...share(value));
  else {
    const long = value.length > column.width / 9;
    cell.textContent = long && column.type === "number" ? short(value) : value;
    if (long) cell.title = value;
  }
  return cell;
}

const short = (value) => (Number.isFinite(Number(value)) ? String(Number(Number(value).toPrecision(7))) : value);

function share(value) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, told] of Object.entries({ class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(name, told);
  for (const [name, told] of Object.entries({ class: "o", height: 10, width: Math.max(0, Math.min(100, 100 * Number(value) || 0)) })) rect.setAttribute(name, told);
  svg.append(rect);
  const text = part("span", "num");
  text.textContent = Number.isFinite(Number(value)) ? Number(value).toFixed(3) : value;
  return [svg, text];
}

function boxed(place, look, role) {
  const cell = part("span", look, { role, "aria-colindex": place + 2 });
  cell.style.left = `${lefts[place]}px`;
  cell.style.width = `${columns[place].width}px`;
  return cell;
}

function part(tag, look, values = {}) {
  const made = document.createElement(tag);
  made.className = look;
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  return made;
}

function say() {
  const first = Math.floor(top / ROW) + 1;
  const end = Math.min(rows, Math.floor((top + view()) / ROW));
  const trouble = windows.trouble;
  document.getElementById("sheet-where").textContent = trouble || `rows ${thousands(Math.min(first, rows))} to ${thousands(Math.max(end, 1))} of ${thousands(rows)}`;
}

function go(event) {
  const row = Number(document.getElementById("sheet-row").value);
  const part = document.getElementById("sheet-column").value.trim().toLowerCase();
  const column = part ? columns.findIndex((one) => one.name.toLowerCase().includes(part)) : -1;
  jump(event, row >= 1 ? Math.min(rows, row) - 1 : null, column < 0 ? null : column);
  if (part && column < 0) document.getElementById("sheet-where").textContent = `No column is called like ${part}.`;
}

function jump(event, row, column) {
  event.preventDefault();
  if (column !== null) box.scrollLeft = lefts[column] - gutter;
  if (row !== null) place(row * ROW);
  draw();
}

draw();
