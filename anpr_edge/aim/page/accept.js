// The commissioning view and the acceptance record.

import { ask } from "./live.js";
import { byId, element } from "./meters.js";

const MARKS = { ok: "✓ ok", "not-ok": "✕ not ok", "not-checked": "– not checked" };
const LIGHTS = { day: "by day", night: "by night", any: "" };
const NOT_YET = ["Clock", "Disk", "Keys", "GPS", "Lamps", "Broker", "Uplink", "Outbox"].map((name) => ({
  name,
  mark: "not-checked",
  measured: "press “Check the unit”",
  need: "",
  next: "",
}));

export class Acceptance {
  constructor(unit) {
    this.unit = unit;
    this.measured = [];
    this.checked = NOT_YET;
    this.shown = "";
    this.commissioned(unit.commissioned);
    byId("commission").addEventListener("click", () => this.commission());
    byId("checks").addEventListener("click", () => this.check());
    byId("print").addEventListener("click", () => window.print());
    window.addEventListener("beforeprint", () => this.head());
    this.show();
  }

  /** The points that the live view answers. */
  take(facts) {
    this.measured = facts.points;
    if (facts.view && facts.view.done < 1) {
      say("commission-status", `Looking: ${Math.round(100 * facts.view.done)} % …`);
    }
    if (!byId("accept").hidden) this.show();
  }

  show() {
    const points = [...this.measured, ...this.checked];
    const text = JSON.stringify(points);
    if (text === this.shown) return;
    this.shown = text;
    byId("points").replaceChildren(...points.map(row));
  }

  async check() {
    const button = byId("checks");
    button.disabled = true;
    say("checks-status", "Checking: this takes some seconds …");
    try {
      this.checked = (await ask("/checks")).points;
      this.show();
      const open = [...this.measured, ...this.checked].filter((point) => point.mark !== "ok").length;
      say("checks-status", open ? `${open} of the points are not ok or not checked.` : "Every point is ok.");
    } catch (error) {
      say("checks-status", error.message, true);
    }
    button.disabled = false;
  }

  async commission() {
    const button = byId("commission");
    button.disabled = true;
    say("commission-status", "Looking …");
    try {
      this.commissioned((await ask("/commission")).commissioned);
      say("commission-status", "Captured and kept on the unit.");
    } catch (error) {
      say("commission-status", error.message, true);
    }
    button.disabled = false;
  }

  commissioned(views) {
    const words = Object.entries(views).map(([light, utc]) =>
      `${LIGHTS[light] ?? light} ${readable(utc)}`.trim(),
    );
    byId("commissioned").textContent = words.length ? `Captured ${words.join(", ")}.` : "Not captured yet.";
  }

  /** What stands above the printed record. */
  head() {
    const now = `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
    const lines = [
      ["Unit", this.unit.unit],
      ["Site", this.unit.site || "–"],
      ["Date", now],
      ["Program", `anpr-edge ${this.unit.version}`],
    ];
    byId("record-head").replaceChildren(
      ...lines.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]),
    );
  }
}

function row(point) {
  const line = element("tr");
  const name = element("th", "", point.name);
  name.scope = "row";
  const need = element("td", "need", point.need);
  if (point.next) need.append(element("span", "next", point.next));
  const result = element("td", "result");
  result.append(element("span", `mark ${point.mark}`, MARKS[point.mark]));
  line.append(name, element("td", "measured", point.measured), need, result);
  return line;
}

function say(id, words, bad = false) {
  byId(id).textContent = words;
  byId(id).classList.toggle("bad", bad);
}

const readable = (utc) => `${utc.slice(0, 16).replace("T", " ")} UTC`;
