// Exchanges the token in the link for a pass, once. The token leaves the address bar before anything else.

const what = document.getElementById("what");
const token = location.hash.slice(1);
history.replaceState(null, "", "/");

if (token) {
  what.textContent = "Opening …";
  try {
    const answer = await fetch("/enter", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (answer.ok) {
      location.replace("/");
    } else {
      what.textContent = `${(await answer.json()).error} Start “anpr-edge aim” again for a new one.`;
    }
  } catch {
    what.textContent = "The unit does not answer. Is its page still open?";
  }
}
