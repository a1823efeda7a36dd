// The script on top of the call-booker's pages. The server's HTML is the only source: links and forms of the booker are
// fetched instead of followed, and <main> is exchanged. Whatever fails, the page that stands there keeps what was typed.

const FIELDS = ['name', 'email', 'company_name', 'website', 'phone', 'country', 'currency', 'bracket'];
const OURS = /^(\/embed)?\/(?:(?:book-a-call|support-call)(?:\/.*)?|booking\/[^/]+(?:\/(?:booked\/?)?)?)$/;
const PERSON = /\/(?:book-a-call\/(?!(?:question|revenue|choose|anyone)\/)|support-call\/)[^/]+\/$/;
const PATIENCE_MS = 20_000, SKELETON_MS = 150, STALE_MS = 60_000, AGAIN_MS = 300, HOLD_MS = 300_000;
const MEMORY = 'hermes-booker', TYPED = 'hermes-booker-typed', COLOURS = 'hermes-colours', VERSION = 1;
const YEAR_MS = 365 * 24 * 3600 * 1000;
const root = document.documentElement;

// Storage that may be blocked: then nothing is remembered, and nothing breaks.
const store = {
  read(kind, name) {
    try { return JSON.parse(window[kind].getItem(name)); } catch { return null; }
  },
  write(kind, name, value) {
    try {
      if (value === null) window[kind].removeItem(name);
      else window[kind].setItem(name, JSON.stringify(value));
    } catch { /* blocked or full */ }
  },
};

const clock = () => {
  const told = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hourCycle;
  return told ? (told < 'h2' ? '12' : '24') : '';
};
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? '';
const ours = (url) => url.origin === location.origin && OURS.test(url.pathname);
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const instant = (text) => (text ? Date.parse(text) : NaN);

// How an element is found again after the page was exchanged.
function keyOf(element) {
  if (!element || element === document.body) return '';
  if (element.id) return `#${CSS.escape(element.id)}`;
  const by = (name) => (element.getAttribute(name) ? `[${name}="${CSS.escape(element.getAttribute(name))}"]` : '');
  return by('data-date') || (by('name') && by('data-testid') + by('name') + by('value')) || by('hreflang') || by('data-testid');
}

// A proof of work as ALTCHA 2 wants it: the first number whose derived key begins with the prefix.
async function solve(challenge) {
  const { nonce, salt, cost, keyLength, keyPrefix, algorithm } = challenge.parameters;
  if (!algorithm.startsWith('PBKDF2/') || !globalThis.crypto?.subtle) return '';
  const password = new Uint8Array([...unhex(nonce), 0, 0, 0, 0]), view = new DataView(password.buffer);
  const how = { name: 'PBKDF2', hash: algorithm.slice(7), salt: unhex(salt), iterations: cost };
  for (let counter = 0; counter < 100_000; counter++) {
    view.setUint32(password.length - 4, counter);
    const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    const derivedKey = hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
  }
  return '';
}

class Booker extends HTMLElement {
  connectedCallback() {
    if (this.main) return;
    this.main = this.querySelector('main');
    this.typed = store.read('sessionStorage', TYPED) ?? {};
    this.turn = 0;
    this.proofs = 0;
    this.host = this.findHost();
    this.voice = document.createElement('p');
    this.voice.className = 'away';
    this.voice.setAttribute('role', 'status');
    this.append(this.voice);
    root.dataset.script = '';
    history.scrollRestoration = 'manual';
    this.listen();
    this.times = this.querySelector('.calendar')?.innerHTML;
    this.check();
    for (const field of this.fields()) if (field.value !== (field.defaultValue ?? field.value)) this.keep(field);
    const came = performance.getEntriesByType('navigation')[0]?.type ?? 'navigate';
    this.wake({ fresh: true, again: came === 'reload' || came === 'back_forward' });
    this.tell('ready', { step: this.dataset.step });
    this.begin(came);
  }

  // Straight to whom the visitor knows (WEB-6), else the page on the visitor's own clock (WEB-8).
  begin(came) {
    const memory = this.memory();
    if (this.dataset.step === 'index' && came === 'navigate' && memory?.slug && !new URL(location).searchParams.has('with')) {
      this.goToKnown(memory);
      return;
    }
    if (!('zone' in this.dataset)) return;
    const address = this.dressed(location.href);
    if (address.href === location.href) return;
    if (this.dataset.zone === zone() && this.dataset.clock === clock()) history.replaceState(null, '', address);
    else if (!this.fields().some((field) => field.name in this.typed && field === document.activeElement)) this.go(address, { how: 'replace', quiet: true });
  }

  async goToKnown(memory) {
    const index = new URL(location), base = index.pathname.replace(/\/?$/, '/');
    await this.go(new URL(`${base}${encodeURIComponent(memory.slug)}/${index.search}`, index), {
      how: 'replace', quiet: true, waiting: true, refuse: (answer) => {
        if (answer.status !== 404) return this.begin('known');
        store.write('localStorage', MEMORY, { ...memory, slug: '' });
        index.searchParams.set('with', 'left');
        return this.go(index, { how: 'replace', quiet: true });
      },
    });
  }

  listen() {
    document.addEventListener('click', (event) => this.onClick(event));
    document.addEventListener('submit', (event) => this.onSubmit(event));
    this.addEventListener('input', (event) => this.keep(event.target));
    this.addEventListener('change', (event) => this.onChange(event.target));
    this.addEventListener('keydown', (event) => this.onKey(event));
    window.addEventListener('popstate', () => this.go(new URL(location), { how: 'replace', back: true }));
    window.addEventListener('pagehide', () => {
      history.scrollRestoration = 'auto';
      this.release();
    });
    window.addEventListener('pageshow', (event) => event.persisted && this.hold());
    window.addEventListener('focus', () => this.look());
    document.addEventListener('visibilitychange', () => !document.hidden && this.look());
    if (this.host) new ResizeObserver(() => this.tellHeight()).observe(document.body);
  }

  // Links and forms

  onClick(event) {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const forget = event.target.closest('[data-forget]'), colours = event.target.closest('[data-colours]');
    if (forget) return this.forget();
    if (colours) return this.turnColours();
    const link = event.target.closest('a[href]');
    if (!link || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (!ours(url)) return;
    const target = url.hash && url.pathname === location.pathname && document.getElementById(url.hash.slice(1));
    event.preventDefault();
    if (target) return target.focus();
    const dialog = 'asks' in link.dataset && this.main.querySelector('dialog');
    if (dialog?.showModal) return this.ask(dialog, link);
    this.go(url);
  }

  onSubmit(event) {
    const form = event.target, by = event.submitter;
    if (event.defaultPrevented || form.method === 'dialog' || !this.contains(form)) return;
    const url = this.target(form);
    if (!ours(url)) return;
    event.preventDefault();
    const data = new URLSearchParams(new FormData(form));
    if (by?.name) data.append(by.name, by.value);
    if (form.method === 'get') {
      url.search = data;
      this.go(url);
      return;
    }
    for (const field of this.fields()) if (field.type !== 'radio' || field.checked) this.typed[field.name] = field.value;
    this.keepAll();
    this.proofs = 0;
    this.send(url, data, { by, form });
  }

  async send(url, data, { by, form, quiet } = {}) {
    if (this.sending) return;
    this.sending = true;
    const buttons = quiet ? [] : [...(form?.querySelectorAll('button') ?? [])];
    for (const button of buttons) button.disabled = true;
    await this.holding;
    if (data.get('action') === 'hold' && !data.get('hold') && this.held) data.set('hold', this.held.token);
    const again = () => (by?.isConnected ? form.requestSubmit(by) : this.send(url, data, { form }));
    await this.go(this.dressed(url), { data, again, by, quiet });
    for (const button of buttons) button.disabled = false;
    this.sending = false;
  }

  onChange(field) {
    this.keep(field);
    const form = field.form;
    if (field.id === 'zone' || field.id === 'clock') form.requestSubmit();
    else if (field.name === 'currency') form.querySelector('[value=refresh]')?.click();
  }

  // One page after the other

  // An address with the visitor's own clock, and with the hold as it is now.
  dressed(address) {
    const url = new URL(address, location.href), query = url.searchParams, before = url.search;
    if (!/\/booking\//.test(url.pathname)) {
      for (const [name, value] of [['zone', zone()], ['clock', clock()]]) if (!query.has(name) && value) query.set(name, value);
    }
    if (this.held && url.pathname === this.held.path) {
      const same = !query.has('start') || instant(query.get('start')) === instant(this.held.start);
      if (same) query.set('hold', this.held.token);
      else query.delete('hold');
      if (same && query.has('start')) query.set('until', this.held.until);
      else query.delete('until');
    }
    if (query.toString() === new URLSearchParams(before).toString()) url.search = before;
    return url;
  }

  // Ours and whole, or an error: an answer of a proxy, a broken connection and a time that ran out are all the same.
  async read(url, data) {
    const stop = new AbortController(), late = setTimeout(() => stop.abort(), PATIENCE_MS);
    if (!data) {
      this.reading?.abort();
      this.reading = stop;
    }
    try {
      const response = await fetch(url, { method: data ? 'POST' : 'GET', body: data, headers: { accept: 'text/html' }, signal: stop.signal });
      const text = await response.text(), page = new DOMParser().parseFromString(text, 'text/html');
      const booker = page.querySelector('hermes-booker'), main = booker?.querySelector('main');
      const success = booker?.dataset.step === 'booked';
      if (!main || !text.includes('</hermes-booker>') || (success && !response.ok)) throw new Error(`status ${response.status}`);
      return { ok: response.ok, status: response.status, url: response.url, page, booker, main, step: booker.dataset.step };
    } finally {
      clearTimeout(late);
      if (this.reading === stop) this.reading = null;
    }
  }

  async go(address, { how, data, quiet, back, waiting, refuse, again, by } = {}) {
    if (this.sending && !data && !back) return;
    const turn = ++this.turn, url = data ? address : this.dressed(address);
    const skeleton = setTimeout(() => turn === this.turn && this.wait(url, data), waiting ? 0 : SKELETON_MS);
    let answer;
    try {
      answer = await this.read(url, data);
    } catch {
      if (turn !== this.turn || (quiet && !waiting)) return;
      this.unwait();
      if (refuse) refuse({ status: 0 });
      else this.fail(data ? 'unsent' : 'unread', again ?? (() => this.go(address, { how })), by);
      return;
    } finally {
      clearTimeout(skeleton);
      if (turn === this.turn) this.unwait();
    }
    if (turn !== this.turn && answer.step !== 'booked') return;
    if (refuse && !answer.ok) return refuse(answer);
    if (data && answer.step === 'problem') this.refused(answer, by);
    else this.show(answer, { how, quiet, data, back });
  }

  show(answer, { how, quiet, data, back }) {
    const before = { step: this.dataset.step, page: this.dataset.page, start: this.dataset.start }, focus = keyOf(document.activeElement);
    const said = this.words(), within = this.main.contains(document.activeElement);
    const address = new URL((data && answer.booker.dataset.address) || answer.url, location.href);
    const same = answer.step === before.step && answer.booker.dataset.page === before.page;
    history[how === 'replace' || same ? 'replaceState' : 'pushState'](null, '', address);
    if (answer.step === 'booked' && data) this.remember(data, before.page);
    const times = answer.main.querySelector('.calendar')?.innerHTML;
    this.exchange(answer);
    this.times = times;
    this.check();
    this.wake({ fresh: !data || !same, again: back });
    if (!quiet) {
      if (same && !back) this.stay(focus, said, data, before);
      else this.arrive();
    } else if (within && focus) this.main.querySelector(focus)?.focus({ preventScroll: true });
    if (data && answer.ok && answer.step === 'form' && this.dataset.start !== before.start) this.tell('slot_selected', { start: this.dataset.start, who: this.who() });
    if (data && answer.step === 'booked') this.tell('booked', { start: this.dataset.start, who: this.booked });
    if (data && !answer.ok) this.tell('error', { code: 'refused', status: answer.status });
  }

  exchange({ page, booker, main }) {
    this.main.replaceChildren(...document.adoptNode(main).childNodes);
    for (const name of Object.keys(this.dataset)) delete this.dataset[name];
    Object.assign(this.dataset, booker.dataset);
    document.title = page.title;
    root.lang = page.documentElement.lang;
    root.dir = page.documentElement.dir;
    for (const part of ['.foot', '.skip', '.masthead']) {
      const fresh = page.querySelector(part);
      if (fresh) document.querySelector(part)?.replaceWith(document.adoptNode(fresh));
    }
    for (const part of booker.querySelectorAll('template[data-part]')) {
      this.querySelector(`template[data-part="${part.dataset.part}"]`)?.replaceWith(document.adoptNode(part));
    }
  }

  // After each page: what was typed is given back, the hold is minded, the grid has one tab stop.
  wake({ fresh, again }) {
    this.showColours();
    this.fill(fresh);
    this.mind(again);
    this.stops();
    this.greet();
    this.prove();
  }

  // Another step: its heading is read, from the top.
  arrive() {
    window.scrollTo(0, 0);
    this.tell('show', { top: 0 });
    const heading = this.main.querySelector('h1');
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  // The same step with something else in it: the focus stays where it was, and what changed is said.
  stay(focus, said, data) {
    const alert = data && this.main.querySelector('.notice:not(.hint)');
    if (alert) {
      alert.tabIndex = -1;
      alert.focus();
      this.tell('show', { top: alert.getBoundingClientRect().top + window.scrollY });
      return;
    }
    const wanted = this.wanted;
    this.wanted = '';
    const found = (wanted && this.day(wanted)) || (focus && document.querySelector(focus)) || this.main.querySelector('h1');
    if (found?.matches('h1')) found.tabIndex = -1;
    found?.focus({ preventScroll: true });
    const words = this.words(), news = Object.keys(words).filter((name) => words[name] !== said[name]);
    this.say(news.map((name) => words[name]).join('. '));
    if (news.includes('times-name')) this.showTimes();
  }

  words() {
    const told = {};
    for (const name of ['month-name', 'empty-month', 'times-name', 'times-count', 'empty-day', 'zone-hint']) {
      const part = this.main.querySelector(`[data-testid=${name}]`);
      if (part) told[name] = part.textContent.trim().replace(/\s+/g, ' ');
    }
    return told;
  }

  // On a phone the times of a day stand below the month.
  showTimes() {
    const times = this.main.querySelector('[data-testid=times]'), box = times.getBoundingClientRect();
    if (box.top < 0 || box.top > window.innerHeight - 120) times.scrollIntoView({ block: 'start' });
    this.tell('show', { top: box.top + window.scrollY });
  }

  say(text) {
    this.voice.textContent = text;
  }

  part(name) {
    return this.querySelector(`template[data-part=${name}]`).content.cloneNode(true);
  }

  wait(url, data) {
    this.main.setAttribute('aria-busy', 'true');
    this.dataset.loading = '';
    if (this.away || data || !PERSON.test(url.pathname) || url.pathname === location.pathname || url.searchParams.has('start')) return;
    this.away = document.createDocumentFragment();
    this.away.append(...this.main.childNodes);
    this.main.append(this.part('skeleton'));
  }

  unwait() {
    this.main.removeAttribute('aria-busy');
    delete this.dataset.loading;
    if (this.away) this.main.replaceChildren(this.away);
    this.away = null;
  }

  // What went wrong, in its place, with everything that was typed and the same act once more.
  fail(part, again, by) {
    const note = this.part(part).firstElementChild;
    note.querySelector('[data-again]').addEventListener('click', () => {
      note.remove();
      again();
    });
    this.put(note, by);
    this.tell('error', { code: part, status: 0 });
  }

  refused(answer, by) {
    const told = answer.main.querySelector('[role=alert]') ?? answer.main.querySelector('h1');
    told.tabIndex = -1;
    this.put(document.adoptNode(told), by);
    this.tell('error', { code: 'refused', status: answer.status });
  }

  put(note, by) {
    for (const old of this.main.querySelectorAll('[data-put]')) old.remove();
    note.dataset.put = '';
    const button = by?.isConnected && by.matches('.main, .away') && by.form.querySelector('.main');
    if (button) button.before(note);
    else (this.main.querySelector('.booker') ?? this.main).prepend(note);
    note.focus();
    this.tell('show', { top: note.getBoundingClientRect().top + window.scrollY });
  }

  // What is typed

  form() {
    return this.main.querySelector('form[data-testid=form], form[data-testid=bracket-form]');
  }

  // Not `form.action`: that is a button of that name.
  target(form) {
    return new URL(form.getAttribute('action') ?? '', location.href);
  }

  fields() {
    return [...(this.form()?.elements ?? [])].filter((field) => FIELDS.includes(field.name) && !field.readOnly && field.type !== 'hidden');
  }

  keep(field) {
    if (!this.fields().includes(field)) return;
    this.typed[field.name] = field.value;
    this.keepAll();
  }

  keepAll() {
    store.write('sessionStorage', TYPED, this.typed);
  }

  // `fresh`: a page that was asked for; otherwise the server answers to what was typed, and only gaps are filled.
  fill(fresh) {
    const form = this.form();
    if (!form) return;
    const query = new URL(location).searchParams, currency = form.elements.currency?.value;
    const memory = this.dataset.step === 'form' && this.who() ? (this.memory()?.fields ?? {}) : {};
    for (const name of new Set(this.fields().map((field) => field.name))) {
      const field = form.elements[name], value = this.typed[name] ?? (query.has(name) ? undefined : memory[name]);
      if (typeof value !== 'string' || value === field.value || (!fresh && field.value)) continue;
      if (field.options && ![...field.options].some((option) => option.value === value)) continue;
      field.value = value;
    }
    if (!fresh || form.elements.currency?.value === currency) return;
    const data = new URLSearchParams(new FormData(form));
    data.append('action', 'refresh');
    setTimeout(() => form.isConnected && this.send(this.target(form), data, { form, quiet: true }));
  }

  // The hold (WEB-20)

  mind(again) {
    clearTimeout(this.ending);
    const { step, start, hold, until } = this.dataset, path = location.pathname;
    if (step === 'booked') this.held = null;
    if (step === 'times' && hold && !this.held) this.held = { path, address: location.href, token: hold };
    if (step !== 'form') return;
    if (hold) {
      const moved = this.held?.token !== hold, left = until * 1000 - Date.now();
      this.held = { path, address: location.href, start, token: hold, until };
      if (again && (moved || left <= 0)) return this.hold();
      this.ending = setTimeout(() => this.lapse(), left > 0 && left < HOLD_MS ? left : HOLD_MS);
    } else if (again || this.held) this.hold();
  }

  lapse() {
    this.lapsed = true;
    const told = this.main.querySelector('[data-testid=held]');
    if (told) told.replaceChildren(this.part('lapsed'));
    this.say(told?.textContent ?? '');
  }

  // Taken again, quietly: only what belongs to the hold changes in the form.
  hold() {
    this.holding ??= this.holdAgain().finally(() => { this.holding = null; });
    return this.holding;
  }

  async holdAgain() {
    const form = this.form();
    if (this.dataset.step !== 'form' || !form || this.sending) return;
    const data = new URLSearchParams({ action: 'hold', start: this.dataset.start, hold: this.held?.token ?? '' });
    const answer = await this.read(this.target(form), data).catch(() => null);
    if (!answer || !form.isConnected) return;
    if (answer.step !== 'form') return this.lapse();
    const fresh = answer.main.querySelector('form[data-testid=form]');
    for (const field of form.querySelectorAll('input[type=hidden]')) field.remove();
    form.prepend(...[...fresh.querySelectorAll('input[type=hidden]')].map((field) => document.adoptNode(field)));
    form.setAttribute('action', fresh.getAttribute('action'));
    const told = fresh.querySelector('[data-testid=held]');
    if (told) form.querySelector('[data-testid=held]')?.replaceWith(document.adoptNode(told));
    for (const name of ['hold', 'until', 'address']) if (answer.booker.dataset[name]) this.dataset[name] = answer.booker.dataset[name];
    history.replaceState(null, '', answer.url);
    this.lapsed = false;
    this.mind();
  }

  release() {
    if (!this.held || this.sending) return;
    navigator.sendBeacon(this.held.address, new URLSearchParams({ action: 'release', hold: this.held.token }));
  }

  check() {
    this.checked = Date.now();
    clearTimeout(this.next);
    this.next = setTimeout(() => this.look(), STALE_MS);
  }

  // The times are asked for again, without moving anything (WEB-24).
  async look() {
    if (this.dataset.step === 'form' && this.lapsed) return this.hold();
    if (document.hidden || this.dataset.step !== 'times' || this.sending || this.reading || Date.now() - this.checked < AGAIN_MS) return;
    const turn = this.turn;
    this.check();
    const answer = await this.read(this.dressed(location.href)).catch(() => null);
    if (!answer?.ok || turn !== this.turn || answer.step !== 'times') return;
    const fresh = answer.main.querySelector('.calendar'), old = this.main.querySelector('.calendar');
    if (fresh?.innerHTML === this.times) return;
    const focus = old?.contains(document.activeElement) && keyOf(document.activeElement);
    this.times = fresh?.innerHTML;
    if (fresh && old) old.replaceWith(document.adoptNode(fresh));
    else this.exchange(answer);
    this.stops();
    if (focus) this.main.querySelector(focus)?.focus({ preventScroll: true });
  }

  // The grid of days (WEB-17)

  day(date) {
    return this.main.querySelector(`[role=grid] [data-date="${date}"]`);
  }

  stops() {
    for (const grid of this.main.querySelectorAll('[role=grid]')) {
      const days = [...grid.querySelectorAll('.day')];
      const stop = ['[data-chosen]', '[aria-current]', 'a', '*'].map((by) => days.find((day) => day.matches(by))).find(Boolean);
      for (const day of days) day.tabIndex = day === stop ? 0 : -1;
    }
  }

  onKey(event) {
    const day = event.target.closest?.('[role=grid] .day');
    if (!day || event.ctrlKey || event.metaKey || event.altKey) return;
    const week = [...day.closest('tr').querySelectorAll('.day')], forward = root.dir === 'rtl' ? -1 : 1;
    const days = { ArrowRight: forward, ArrowLeft: -forward, ArrowDown: 7, ArrowUp: -7 }[event.key];
    const months = { PageUp: -1, PageDown: 1 }[event.key];
    if (event.key === ' ') day.click();
    else if (event.key === 'Home') this.stop(week[0]);
    else if (event.key === 'End') this.stop(week.at(-1));
    else if (days || months) this.turnTo(day.dataset.date, days ?? 0, months ?? 0);
    else return;
    event.preventDefault();
  }

  turnTo(date, days, months) {
    const [year, month, day] = date.split('-').map(Number), last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
    const wanted = new Date(Date.UTC(year, month - 1 + months, months ? Math.min(day, last) : day + days)).toISOString().slice(0, 10);
    const found = this.day(wanted), link = this.main.querySelector(`.turn [rel~=${wanted > date ? 'next' : 'prev'}]`);
    if (found) this.stop(found);
    else if (link) {
      this.wanted = wanted;
      this.go(new URL(link.href));
    }
  }

  stop(day) {
    for (const other of day.closest('[role=grid]').querySelectorAll('.day')) other.tabIndex = other === day ? 0 : -1;
    day.focus();
  }

  // The question (WEB-2)

  ask(dialog, link) {
    dialog.addEventListener('close', () => link.focus(), { once: true });
    if (this.host) {
      dialog.style.marginBlockStart = `${Math.max(8, link.getBoundingClientRect().top - 160)}px`;
      dialog.style.marginBlockEnd = 'auto';
    }
    dialog.showModal();
  }

  // The memory of this browser (WEB-6)

  memory() {
    const told = store.read('localStorage', MEMORY);
    const good = told?.version === VERSION && Date.now() - Date.parse(told.at) < YEAR_MS && typeof told.fields === 'object';
    return good ? told : null;
  }

  who() {
    return decodeURIComponent(/\/book-a-call\/([^/]+)\/$/.exec(this.dataset.page ?? '')?.[1] ?? '');
  }

  remember(data, page) {
    this.booked = decodeURIComponent(/\/book-a-call\/([^/]+)\/$/.exec(page ?? '')?.[1] ?? '');
    if (!this.booked) return;
    const fields = Object.fromEntries(FIELDS.filter((name) => data.get(name)).map((name) => [name, data.get(name)]));
    store.write('localStorage', MEMORY, { version: VERSION, at: new Date().toISOString(), kind: 'sales', slug: this.booked, fields });
  }

  greet() {
    if (!this.who() || !this.memory()) return;
    const note = this.part('remembered');
    this.main.querySelector('.who > div')?.append(note);
    this.main.querySelector('.chosen')?.after(note);
  }

  forget() {
    store.write('localStorage', MEMORY, null);
    this.typed = {};
    store.write('sessionStorage', TYPED, null);
    // What the server keeps in this browser for the way back to the form is overwritten with nothing.
    this.read(new URL(location), new URLSearchParams({ action: 'times', start: this.dataset.start ?? '' })).catch(() => null);
    this.go(new URL(`${this.prefix()}/book-a-call/`, location.href));
  }

  prefix() {
    return OURS.exec(location.pathname)?.[1] ?? '';
  }

  // A proof of work lets a booking through that was one too many (CB-18).
  async prove() {
    const { challenge, step } = this.dataset, form = this.form();
    if (step !== 'form' || !challenge || !form) {
      if (step !== 'form') this.proofs = 0;
      return;
    }
    if (++this.proofs > 2) return;
    const button = form.querySelector('.main'), note = this.part('proving').firstElementChild;
    button.disabled = true;
    this.put(note, button);
    const proof = await solve(JSON.parse(challenge)).catch(() => '');
    note.remove();
    button.disabled = false;
    if (!proof || !form.isConnected) return;
    const data = new URLSearchParams(new FormData(form));
    data.append('action', 'book');
    data.append('altcha', proof);
    await this.send(this.target(form), data, { by: button, form });
  }

  // Light and dark

  showColours() {
    const told = this.host?.colours ?? store.read('localStorage', COLOURS);
    if (told === 'dark' || told === 'light') root.dataset.theme = told;
    const button = document.querySelector('[data-colours]');
    if (!button) return;
    button.hidden = false;
    button.setAttribute('aria-pressed', String(this.isDark()));
  }

  isDark() {
    return (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  }

  turnColours() {
    root.dataset.theme = this.isDark() ? 'light' : 'dark';
    store.write('localStorage', COLOURS, root.dataset.theme);
    this.showColours();
  }

  // The page that frames us (WEB-16, WEB-26): told by the loader, and allowed by Hermes

  findHost() {
    if (window.parent === window || !('origins' in this.dataset)) return null;
    const query = new URL(location).searchParams, origin = query.get('origin') ?? '';
    const allowed = this.dataset.origins.split(' ').some((told) => {
      const [scheme, name] = told.split('://*.');
      return told === origin || (name && origin.startsWith(`${scheme}://`) && origin.endsWith(`.${name}`));
    });
    return allowed ? { origin, colours: query.get('theme') } : null;
  }

  tell(type, told) {
    if (this.host) window.parent.postMessage({ source: 'hermes-booker', version: 1, id: window.name, type, ...told }, this.host.origin);
  }

  tellHeight() {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === this.height) return;
    this.height = height;
    this.tell('height', { height });
  }
}

customElements.define('hermes-booker', Booker);
