// Regions, exclusions and lanes, drawn over the picture by finger, mouse or keyboard.

import { ask } from "./live.js";
import { byId, element } from "./meters.js";
import { draw, place, sizes } from "./overlay.js";

const STEP = 0.01; // of the picture, for one press of an arrow
const BIG_STEP = 0.05;
const MIN_CORNERS = 3;
const MAX_CORNERS = 64;
const TITLES = { region: "Region", exclusion: "Exclusion", lane: "Lane" };
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const NUDGES = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] };
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

export class Areas {
  constructor(overlay, unit) {
    this.overlay = overlay;
    this.chosen = null; // a shape
    this.corner = 0;
    this.take(unit.view, unit.sha256);
    for (const button of document.querySelectorAll("[data-add]")) {
      button.addEventListener("click", () => this.add(button.dataset.add));
    }
    for (const button of document.querySelectorAll("[data-nudge]")) {
      button.addEventListener("click", () => this.nudge(NUDGES[button.dataset.nudge], STEP));
    }
    byId("corner-add").addEventListener("click", () => this.addCorner());
    byId("corner-remove").addEventListener("click", () => this.removeCorner());
    byId("save").addEventListener("click", () => this.save());
    byId("discard").addEventListener("click", () => this.discard());
    overlay.addEventListener("pointerdown", (event) => this.grab(event));
    // not on the drawing itself: browsers let the Tab key stop at a drawing that listens for focus
    overlay.parentElement.addEventListener("keydown", (event) => this.key(event));
    overlay.parentElement.addEventListener("focusin", (event) => this.focused(event));
  }

  /** The view as the unit has it. */
  take(view, sha256) {
    this.kept = view;
    this.sha256 = sha256;
    this.shapes = [
      ...view.regions.map((corners) => ({ kind: "region", corners: copy(corners) })),
      ...view.exclusions.map((corners) => ({ kind: "exclusion", corners: copy(corners) })),
      ...Object.entries(view.lanes).map(([name, corners]) => ({
        kind: "lane",
        name,
        corners: copy(corners),
      })),
    ];
    this.chosen = null;
    this.show();
    this.list();
  }

  get view() {
    const of = (kind) => this.shapes.filter((shape) => shape.kind === kind);
    return {
      regions: of("region").map((shape) => shape.corners),
      exclusions: of("exclusion").map((shape) => shape.corners),
      lanes: Object.fromEntries(of("lane").map((shape) => [shape.name, shape.corners])),
    };
  }

  get changed() {
    return JSON.stringify(this.view) !== JSON.stringify(this.kept);
  }

  title(shape) {
    if (shape.kind === "lane") return `Lane ${shape.name}`;
    const same = this.shapes.filter((other) => other.kind === shape.kind);
    return `${TITLES[shape.kind]} ${same.indexOf(shape) + 1}`;
  }

  add(kind) {
    const taken = new Set(this.shapes.map((shape) => shape.name));
    let number = 1;
    while (taken.has(`lane-${number}`)) number += 1;
    const aside = 0.05 * (this.shapes.length % 4); // so that no two lie on each other
    const corners = [
      [0.25, 0.3],
      [0.6, 0.3],
      [0.65, 0.75],
      [0.2, 0.75],
    ].map(([x, y]) => [tidy(x + aside), tidy(y + aside)]);
    const shape = kind === "lane" ? { kind, name: `lane-${number}`, corners } : { kind, corners };
    this.shapes.push(shape);
    this.choose(shape);
    this.list();
    this.changedNow(`${this.title(shape)} added. Move its corners to where it belongs.`);
  }

  remove(shape) {
    const title = this.title(shape);
    this.shapes = this.shapes.filter((other) => other !== shape);
    if (this.chosen === shape) this.chosen = null;
    this.show();
    this.list();
    this.changedNow(`${title} removed.`);
    byId("areas").focus();
  }

  choose(shape, corner = 0) {
    this.chosen = shape;
    this.corner = corner;
    this.show();
    for (const item of byId("shapes").children) {
      item.classList.toggle("chosen", item.shape === shape);
      item.querySelector(".choose, input").setAttribute("aria-current", String(item.shape === shape));
    }
  }

  show() {
    draw(this.overlay, this);
    const { chosen } = this;
    byId("corner").hidden = !chosen;
    if (chosen) {
      const [x, y] = chosen.corners[this.corner];
      byId("corner-name").textContent =
        `${this.title(chosen)}, corner ${this.corner + 1} of ${chosen.corners.length}: ${place(x, y)}`;
      byId("corner-remove").disabled = chosen.corners.length <= MIN_CORNERS;
      byId("corner-add").disabled = chosen.corners.length >= MAX_CORNERS;
    }
  }

  list() {
    const items = this.shapes.map((shape) => this.item(shape));
    byId("shapes").replaceChildren(...items);
    byId("no-shapes").hidden = items.length > 0;
  }

  item(shape) {
    const item = element("li", shape === this.chosen ? "chosen" : "");
    item.shape = shape;
    const remove = element("button", "", "Remove");
    remove.type = "button";
    remove.setAttribute("aria-label", `Remove ${this.title(shape)}`);
    remove.addEventListener("click", () => this.remove(shape));
    item.append(element("span", `swatch ${shape.kind}`), this.naming(shape, remove), remove);
    return item;
  }

  /** A lane has a name to be typed, the others a button that chooses them. */
  naming(shape, remove) {
    if (shape.kind !== "lane") {
      const choose = element("button", "choose", this.title(shape));
      choose.type = "button";
      choose.addEventListener("click", () => this.choose(shape));
      return choose;
    }
    const label = element("label", "lane-name", "Lane");
    const input = element("input");
    Object.assign(input, {
      value: shape.name,
      maxLength: 32,
      autocapitalize: "off",
      autocomplete: "off",
      spellcheck: false,
    });
    input.addEventListener("focus", () => this.choose(shape));
    input.addEventListener("input", () => {
      shape.name = input.value;
      const twice = this.shapes.some(
        (other) => other !== shape && other.kind === "lane" && other.name === input.value,
      );
      input.setAttribute("aria-invalid", String(twice || !NAME.test(input.value)));
      remove.setAttribute("aria-label", `Remove ${this.title(shape)}`);
      this.show();
      this.changedNow(twice ? "Two lanes have this name." : "");
    });
    label.append(input);
    return label;
  }

  // ── moving ──────────────────────────────────────────────────────────────────────────────────

  grab(event) {
    if (!this.overlay.parentElement.classList.contains("editing")) return;
    const handle = event.target.closest(".handle");
    const face = event.target.closest(".shape");
    if (!handle && !face) return;
    event.preventDefault();
    const shape = this.shapes[Number((handle ?? face).dataset.shape)];
    this.choose(shape, handle ? Number(handle.dataset.corner) : 0);
    this.overlay.setPointerCapture(event.pointerId);
    this.drag(event, shape, handle ? [this.corner] : shape.corners.keys());
  }

  drag(event, shape, which) {
    const moving = [...which].map((index) => [index, [...shape.corners[index]]]);
    const from = sizes(this.overlay, event);
    const move = (at) => {
      const to = sizes(this.overlay, at);
      const dx = bounded(
        to.x - from.x,
        moving.map(([, [x]]) => x),
      );
      const dy = bounded(
        to.y - from.y,
        moving.map(([, [, y]]) => y),
      );
      for (const [index, [x, y]] of moving) shape.corners[index] = [tidy(x + dx), tidy(y + dy)];
      this.show();
    };
    const stop = () => {
      this.overlay.removeEventListener("pointermove", move);
      this.changedNow("");
    };
    this.overlay.addEventListener("pointermove", move);
    this.overlay.addEventListener("pointerup", stop, { once: true });
    this.overlay.addEventListener("pointercancel", stop, { once: true });
  }

  key(event) {
    const handle = event.target.closest(".handle");
    if (!handle) return;
    if (ARROWS[event.key]) {
      event.preventDefault();
      this.nudge(ARROWS[event.key], event.shiftKey ? BIG_STEP : STEP);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.removeCorner();
    } else if (event.key === "Insert" || event.key === "+") {
      event.preventDefault();
      this.addCorner();
    } else {
      return;
    }
    this.overlay.querySelector(".handle.chosen")?.focus();
  }

  focused(event) {
    const handle = event.target.closest(".handle");
    if (!handle || Number(handle.dataset.corner) === this.corner) return;
    this.corner = Number(handle.dataset.corner);
    this.show();
    this.overlay.querySelector(".handle.chosen")?.focus();
  }

  nudge([dx, dy], step) {
    const { chosen } = this;
    if (!chosen) return;
    const [x, y] = chosen.corners[this.corner];
    chosen.corners[this.corner] = [tidy(x + bounded(dx * step, [x])), tidy(y + bounded(dy * step, [y]))];
    this.show();
    this.changedNow("");
  }

  addCorner() {
    const { corners } = this.chosen;
    if (corners.length >= MAX_CORNERS) return;
    const [x0, y0] = corners[this.corner];
    const [x1, y1] = corners[(this.corner + 1) % corners.length];
    corners.splice(this.corner + 1, 0, [tidy((x0 + x1) / 2), tidy((y0 + y1) / 2)]);
    this.corner += 1;
    this.show();
    this.changedNow("");
  }

  removeCorner() {
    const { corners } = this.chosen;
    if (corners.length <= MIN_CORNERS) return;
    corners.splice(this.corner, 1);
    this.corner %= corners.length;
    this.show();
    this.changedNow("");
  }

  // ── saving ──────────────────────────────────────────────────────────────────────────────────

  changedNow(words) {
    const names = this.shapes.filter((shape) => shape.kind === "lane").map((shape) => shape.name);
    const sound = names.every((name) => NAME.test(name)) && new Set(names).size === names.length;
    byId("save").disabled = !this.changed || !sound;
    byId("discard").disabled = !this.changed;
    const hint = "A lane’s name is 1 to 32 small letters, digits and hyphens.";
    say(words || (sound ? (this.changed ? "Not saved yet." : "") : hint), !sound);
  }

  discard() {
    this.take(this.kept, this.sha256);
    this.changedNow("Changes discarded.");
  }

  async save() {
    byId("save").disabled = true;
    say("Saving …", false);
    try {
      const answer = await ask("/view", { ...this.view, sha256: this.sha256 });
      this.take(answer.view, answer.sha256);
      this.changedNow("Saved. The reader works by it when it starts again.");
    } catch (error) {
      this.changedNow("");
      say(error.message, true);
    }
  }
}

function say(words, bad) {
  const place = byId("saved");
  place.textContent = words;
  place.classList.toggle("bad", bad);
}

const copy = (corners) => corners.map(([x, y]) => [x, y]);
const tidy = (share) => Math.round(Math.min(1, Math.max(0, share)) * 1e4) / 1e4;

/** A move that keeps all of these within the picture. */
function bounded(by, shares) {
  return Math.max(-Math.min(...shares), Math.min(1 - Math.max(...shares), by));
}
