// Keeps every [data-live] part fresh, unless somebody is reading or typing in it.
const EVERY_MS = 1500;

function busy(part) {
  return part.contains(document.activeElement) || part.querySelector('details[open]') !== null || !getSelection().isCollapsed;
}

async function refresh() {
  if (document.hidden) return;
  const parts = [...document.querySelectorAll('[data-live]')].filter((part) => !busy(part));
  if (parts.length === 0) return;
  const answer = await fetch(location.href, { headers: { 'x-refresh': '1' } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of parts) {
    const next = fresh.getElementById(part.id);
    if (next && !busy(part) && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
  }
}

async function keepFresh() {
  try {
    await refresh();
  } catch {
    // The sandbox is away; the next round tries again.
  }
  setTimeout(keepFresh, EVERY_MS);
}

keepFresh();
