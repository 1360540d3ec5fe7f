// Bars with marks: what is measured now, against what is needed.

const PEAK_AT = 90; // where the mark of the best so far stands, in per cent of the bar
const WORDS_EVERY_MS = 250; // numbers that change faster cannot be read

class Meter {
  constructor(place, name, ticks = []) {
    const root = element("div", "meter");
    this.root = root;
    this.value = element("span", "value");
    this.note = element("span", "note");
    this.track = element("div", "track");
    this.fill = element("div", "fill");
    this.track.setAttribute("role", "meter");
    this.track.setAttribute("aria-label", name);
    this.track.setAttribute("aria-valuemin", "0");
    this.track.setAttribute("aria-valuemax", "100");
    this.track.setAttribute("aria-valuenow", "0");
    this.track.setAttribute("aria-valuetext", "nothing measured yet");
    this.track.append(this.fill);
    for (const [at, kind] of ticks) {
      const tick = element("div", `tick ${kind}`);
      tick.style.left = `${at}%`;
      this.track.append(tick);
    }
    root.append(element("span", "name", name), this.value, this.track, this.note);
    place.append(root);
    this.saidAt = 0;
  }

  /**
   * `share` of the bar in per cent, null when nothing is measured; `kind` is "", "good" or "bad".
   * `atOnce`: these words are not left out for coming soon after the last.
   */
  show(share, words, note, kind = "", atOnce = false) {
    const filled = share === null ? 0 : Math.max(0, Math.min(100, share));
    this.fill.style.width = `${filled.toFixed(1)}%`;
    this.root.className = `meter ${kind}`;
    const now = performance.now();
    if (!atOnce && now - this.saidAt < WORDS_EVERY_MS) return;
    this.saidAt = now;
    this.value.textContent = words;
    this.note.textContent = note;
    this.track.setAttribute("aria-valuenow", filled.toFixed(0));
    this.track.setAttribute("aria-valuetext", `${words}. ${note}`);
  }
}

export class Meters {
  constructor(needs) {
    this.needs = needs;
    const peak = [[PEAK_AT, ""]];
    this.scene = new Meter(byId("meter-scene"), "Whole picture", peak);
    this.plates = new Meter(byId("meter-plates"), "Plates", peak);
    const place = byId("meters");
    this.widest = needs.width_px * 1.6;
    this.width = new Meter(place, "Plate width", [
      [(100 * needs.readable_px) / this.widest, "minor"],
      [(100 * needs.width_px) / this.widest, ""],
    ]);
    this.clipped = new Meter(place, "Saturation of plates", [[(100 * needs.clipped) / 0.25, ""]]);
    this.grey = new Meter(place, "Brightness of plates");
    this.rate = new Meter(place, "Frame rate", [[90 / 1.1, ""]]);
    this.exposure = new Meter(place, "Exposure");
    this.exposure.track.hidden = true;
    this.last = {};
  }

  show(facts) {
    this.#focus(this.scene, facts.focus.scene, "nothing in the picture has an edge");
    this.#focus(this.plates, facts.focus.plates, `no plate of ${this.needs.readable_px} px or more yet`);
    this.#plates(facts);
    this.#rate(facts);
    this.#exposure(facts.exposure);
  }

  #focus(meter, { now, peak }, nothing) {
    if (now === null || !peak) {
      meter.show(null, "–", nothing);
      return;
    }
    const share = now / peak;
    const figures = `now ${(100 * now).toFixed(1)}, best ${(100 * peak).toFixed(1)}`;
    const percent = Math.round(100 * share);
    meter.show(share * PEAK_AT, `${percent} %`, figures, share >= 0.97 ? "good" : "", percent === 100);
  }

  #plates(facts) {
    const { needs } = this;
    const seen = facts.plates.length
      ? facts.plates.reduce((a, b) => (a.width_px > b.width_px ? a : b))
      : null;
    if (seen) this.last = { ...seen, grey: facts.brightness.plate_grey };
    const { last } = this;
    const count = facts.vehicles.count;
    const of = count === 1 ? "1 vehicle" : `${count} vehicles`;
    const middle = count ? `middle of ${of}: ` : "";
    const width = count ? `${middle}${facts.vehicles.width_px.toFixed(0)} px` : "no vehicle yet";
    const need = `need ${needs.width_px} px, readable from ${needs.readable_px} px`;
    const wide = last.width_px ?? null;
    const kind = wide === null ? "" : wide >= needs.width_px ? "good" : wide < needs.readable_px ? "bad" : "";
    this.width.show(
      wide && (100 * wide) / this.widest,
      wide === null ? "–" : `${wide} px`,
      `${need}; ${width}`,
      kind,
    );
    const clipped = last.clipped ?? null;
    const limit = `at most ${100 * needs.clipped} %`;
    const usual = count ? `; ${middle}${(100 * facts.vehicles.clipped).toFixed(1)} %` : "";
    const over = clipped === null ? "" : clipped <= needs.clipped ? "good" : "bad";
    const share = clipped === null ? "–" : `${(100 * clipped).toFixed(1)} %`;
    this.clipped.show(clipped === null ? null : (100 * clipped) / 0.25, share, `${limit}${usual}`, over);
    const grey = last.grey ?? null;
    const scene = `of 255; the scene has ${Math.round(facts.brightness.scene_grey)}`;
    this.grey.show(grey === null ? null : grey / 2.55, grey === null ? "–" : `${Math.round(grey)}`, scene);
  }

  #rate(facts) {
    const { now, asked } = facts.rate;
    const enough = now !== null && now >= 0.9 * asked;
    const words = now === null ? "–" : `${now.toFixed(1)} /s`;
    const kind = now === null ? "" : enough ? "good" : "bad";
    this.rate.show(now === null ? null : (100 * now) / (1.1 * asked), words, `asked for ${asked} /s`, kind);
  }

  #exposure(exposure) {
    const trouble = exposure.fault || (exposure.limit ? `at its limit: plates too ${exposure.limit}` : "");
    const light = exposure.profile ? `by ${exposure.profile}` : "set by the source";
    this.exposure.show(null, exposure.words ?? "–", trouble || light, trouble ? "bad" : "");
  }
}

export function element(tag, kind = "", text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  return made;
}

export const byId = (id) => document.getElementById(id);
