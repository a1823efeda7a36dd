// Makes the desk's pages quick. Every page and act works without it; it owns no state that a reload loses.

const root = document.documentElement;
const kept = { get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* storage is off */ } } };

// Light and dark: the system's, until somebody chooses.
const theme = kept.get('hermes-theme');
if (theme) root.dataset.theme = theme;
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
for (const button of document.querySelectorAll('[data-colours]')) {
  const tell = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
  button.hidden = false;
  button.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; kept.set('hermes-theme', root.dataset.theme); tell(); });
  tell();
}

// Times: how long ago, in words; the whole time, in UTC and here, on hover.
const relative = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' });
const spans = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
export function tellTimes(within) {
  for (const time of within.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime), away = (at - Date.now()) / 1000, far = Math.abs(away);
    if (!time.dataset.whole) time.dataset.whole = time.title;
    time.title = `${time.dataset.whole} · ${at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })} here`;
    const [unit, size] = spans.find(([, each]) => far >= each) ?? ['second', 1];
    if (far < 30 * 86400) time.textContent = relative.format(Math.round(away / size), unit);
  }
}
tellTimes(document);
setInterval(() => tellTimes(document), 30000);

// A wide screen shows the menu, also where its style alone cannot open it.
const wide = matchMedia('(min-width: 48.01rem)');
const openWide = () => { for (const menu of document.querySelectorAll('[data-wide]')) menu.open = wide.matches; };
wide.addEventListener('change', openWide);
openWide();

// A second click on a button that is at work does nothing.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post') return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = 'yes';
  setTimeout(() => { for (const button of form.querySelectorAll('button')) button.disabled = true; });
});
addEventListener('pageshow', () => { for (const form of document.querySelectorAll('form[data-sent]')) {
  delete form.dataset.sent; for (const button of form.querySelectorAll('button')) button.disabled = false; } });

// What went wrong is read out, and where the eye should go.
document.querySelector('[data-testid=problems]')?.focus();

// Copying.
for (const text of document.querySelectorAll('[data-copy]')) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'quiet', textContent: 'Copy' });
  button.addEventListener('click', async () => { await navigator.clipboard.writeText(text.textContent.trim()); button.textContent = 'Copied'; });
  text.after(' ', button);
}

// Keys: those that the menu's links name after "g", "/" for the search, "?" for the sheet.
const links = [...document.querySelectorAll('[data-key]')];
let went = 0;
function showKeys() {
  const sheet = document.createElement('dialog');
  const rows = [['/', 'Search'], ...links.map((link) => [`g ${link.dataset.key}`, link.textContent]), ['?', 'This sheet'], ['Esc', 'Close']];
  const list = document.createElement('dl');
  list.className = 'pairs';
  for (const [key, what] of rows) {
    const term = document.createElement('dt'), told = document.createElement('dd'), kbd = document.createElement('kbd');
    kbd.textContent = key; term.append(kbd); told.textContent = what; list.append(term, told);
  }
  const title = Object.assign(document.createElement('h2'), { textContent: 'Keyboard shortcuts' });
  const close = Object.assign(document.createElement('button'), { type: 'button', className: 'quiet', textContent: 'Close' });
  close.addEventListener('click', () => sheet.close());
  sheet.append(title, list, close);
  sheet.setAttribute('aria-label', 'Keyboard shortcuts');
  sheet.addEventListener('close', () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}
for (const button of document.querySelectorAll('[data-keys]')) { button.hidden = false; button.addEventListener('click', showKeys); }
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea, dialog')) return;
  if (event.key === '/') { event.preventDefault(); document.querySelector('#q')?.focus(); }
  else if (event.key === '?') showKeys();
  else if (event.key === 'g') went = Date.now();
  else if (Date.now() - went < 1500) { went = 0; links.find((link) => link.dataset.key === event.key)?.click(); }
});

// What lives is fetched again every few seconds, while the page is seen and nobody has ticked or opened anything in it.
for (const part of document.querySelectorAll('[data-live]')) if (part.dataset.live) live(part.id, Number(part.dataset.live));
function live(id, seconds) {
  setTimeout(async () => {
    const old = document.getElementById(id);
    if (!old?.dataset.live) return;
    if (!document.hidden && !old.querySelector('input:checked, details[open]') && !old.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
        const fresh = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(id);
        if (fresh) { old.replaceWith(fresh); tellTimes(fresh); }
      } catch { /* the next time, perhaps */ }
    }
    live(id, seconds);
  }, seconds * 1000);
}
