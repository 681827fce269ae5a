// Pan, zoom, fit and the mini map. Everything that can be dragged has a button too.
import { el } from "./flow-draw.js";
import { LARGEST } from "./flow-loose.js";

const LEAST = 0.08;
const MOST = 2.5;

export class Camera {
  constructor(svg, group, stage, mini, said) {
    Object.assign(this, { svg, group, stage, mini, said });
    this.at = { x: 0, y: 0, k: 1 };
    this.bounds = { x: 0, y: 0, w: 1, h: 1 };
    this.frame = 0;
    this.view = null;
    this.listen();
  }

  // `nodes` are placed; the map shows each as a dot.
  show(nodes, width, height) {
    this.bounds = { x: 0, y: 0, w: Math.max(1, width), h: Math.max(1, height) };
    const { w, h } = this.bounds;
    this.mini.setAttribute("viewBox", `-30 -30 ${w + 60} ${h + 60}`);
    this.view = el("rect", { class: "mv" });
    const dots = nodes.map((node) => el("circle", { class: `m--${node.type}`, cx: node.x, cy: node.y, r: Math.max(node.r * 0.8, w / 120) }));
    this.mini.replaceChildren(...dots, this.view);
    this.move();
  }

  move() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { x, y, k } = this.at;
    this.group.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k.toFixed(4)})`);
    this.svg.classList.toggle("far", k < 0.45);
    this.svg.classList.toggle("mid", k < 0.66);
    this.said.textContent = `${Math.round(k * 100)} %`;
    const room = this.stage.getBoundingClientRect();
    for (const [name, value] of [["x", -x / k], ["y", -y / k], ["width", room.width / k], ["height", room.height / k]]) this.view?.setAttribute(name, value);
  }

  zoom(factor, px, py) {
    const room = this.stage.getBoundingClientRect();
    const [cx, cy] = [px ?? room.width / 2, py ?? room.height / 2];
    const k = Math.max(LEAST, Math.min(MOST, this.at.k * factor));
    this.at = { k, x: cx - ((cx - this.at.x) * k) / this.at.k, y: cy - ((cy - this.at.y) * k) / this.at.k };
    this.move();
  }

  // The part of the stage that the drawing may fill: the rest is the buttons' and the map's.
  room() {
    const { width, height } = this.stage.getBoundingClientRect();
    return { width: Math.max(1, width - 60), height: Math.max(1, height - 150) };
  }

  fit() {
    const { width, height } = this.room();
    const { w, h } = this.bounds;
    const k = Math.max(LEAST, Math.min(width / w, height / h, LARGEST));
    this.at = { k, x: (width + 60 - w * k) / 2, y: Math.max(30, (height + 40 - h * k) / 2) };
    this.move();
  }

  centre(node) {
    const room = this.stage.getBoundingClientRect();
    this.at.x = room.width / 2 - node.x * this.at.k;
    this.at.y = room.height / 2 - node.y * this.at.k;
    this.move();
  }

  // Brings a node that is out of sight into it.
  reveal(node) {
    const room = this.stage.getBoundingClientRect();
    const [x, y] = [node.x * this.at.k + this.at.x, node.y * this.at.k + this.at.y];
    if (x < 40 || x > room.width - 40) this.at.x += room.width / 2 - x;
    if (y < 40 || y > room.height - 60) this.at.y += room.height / 2 - y;
    this.move();
  }

  listen() {
    const { svg, mini } = this;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const room = svg.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * 0.0016), event.clientX - room.left, event.clientY - room.top);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => this.grab(event));
    mini.addEventListener("pointerdown", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(mini.getScreenCTM().inverse());
      this.centre(point);
    });
    new ResizeObserver(() => this.move()).observe(this.stage);
  }

  grab(event) {
    if (event.target.closest(".n")) return;
    const start = { x: event.clientX, y: event.clientY, cam: { ...this.at }, far: 0 };
    this.svg.setPointerCapture(event.pointerId);
    this.svg.classList.add("drag");
    const drag = (moved) => {
      start.far = Math.hypot(moved.clientX - start.x, moved.clientY - start.y);
      this.at.x = start.cam.x + moved.clientX - start.x;
      this.at.y = start.cam.y + moved.clientY - start.y;
      this.move();
    };
    const drop = () => {
      this.svg.classList.remove("drag");
      this.svg.removeEventListener("pointermove", drag);
      if (start.far < 4) this.svg.dispatchEvent(new CustomEvent("flow:empty"));
    };
    this.svg.addEventListener("pointermove", drag);
    this.svg.addEventListener("pointerup", drop, { once: true });
    this.svg.addEventListener("pointercancel", drop, { once: true });
  }
}
