// The live view's stream: parcels of facts and a picture, in memory alone.

const HEAD_BYTES = 8;

/** Calls `take(facts, picture)` for every parcel; ends when the stream does. Throws what fetch throws. */
export async function follow(take, signal) {
  const answer = await fetch("/live", { signal, cache: "no-store" });
  if (!answer.ok) {
    throw Object.assign(new Error("refused"), { status: answer.status });
  }
  const reader = answer.body.getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held = joined(held, value);
    for (let parcel; (parcel = first(held)); held = held.subarray(parcel.bytes)) {
      take(parcel.facts, parcel.picture);
    }
  }
}

function first(bytes) {
  if (bytes.length < HEAD_BYTES) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset);
  const facts = head.getUint32(0);
  const whole = HEAD_BYTES + facts + head.getUint32(4);
  if (bytes.length < whole) return null;
  const text = new TextDecoder().decode(bytes.subarray(HEAD_BYTES, HEAD_BYTES + facts));
  return { facts: JSON.parse(text), picture: bytes.slice(HEAD_BYTES + facts, whole), bytes: whole };
}

function joined(a, b) {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Sends what the person wants done; gives the answer. Throws an Error with words for the person. */
export async function ask(path, body = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Error("The unit does not answer.");
  }
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => ({ error: "The unit refused it." }));
  throw new Error(told.hint ? `${told.error} (${told.hint})` : told.error);
}
