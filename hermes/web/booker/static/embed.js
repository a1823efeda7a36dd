// Shows the call-booker of the Hermes that serves this file in the page of another website.
(() => {
  if (window.HermesBooker) return HermesBooker.read(document.currentScript);
  const own = document.currentScript ?? document.querySelector('script[src*="/static/embed.js"]');
  const home = new URL(own.src).origin, frames = [], dialogs = {}, title = 'Book a call';
  const told = 'lang zone clock theme name email company_name website phone country currency bracket bdr_person_id utm_campaign utm_source gclid'.split(' ');

  const address = (options) => {
    const url = new URL(`/embed/book-a-call/${options.who ? `${encodeURIComponent(options.who)}/` : ''}`, home);
    const page = new URLSearchParams(location.search);
    url.searchParams.set('origin', location.origin);
    for (const name of told) {
      const value = options[name] ?? (/^utm|^gcl/.test(name) && page.get(name));
      if (value) url.searchParams.set(name, value);
    }
    return url.href;
  };

  const make = (tag, into, style, rest) => {
    const element = Object.assign(document.createElement(tag), rest);
    element.style.cssText = style;
    into.append(element);
    return element;
  };

  // `inline`: as high as its content, without a scrollbar of its own.
  const show = (into, options, inline) => {
    const frame = make('iframe', into, `display:block;border:0;width:100%;${inline ? 'height:40rem' : 'flex:1'}`, {
      name: `hermes-booker-${frames.length}`, title: options.title ?? title, inline, scrolling: inline ? 'no' : '',
    });
    frames.push(frame);
    frame.src = address(options);
    return frame;
  };

  const open = (options = {}) => {
    const key = address(options), dialog = dialogs[key] ?? make('dialog', document.body, '', { onclose() { this.style = ''; } });
    if (!dialogs[key]) {
      dialogs[key] = dialog;
      make('button', dialog, 'align-self:end;padding:1rem;border:0;background:none;font:inherit', { textContent: options.close ?? 'Close', onclick: () => dialog.close() });
      dialog.ariaLabel = show(dialog, options).title;
    }
    dialog.style = 'display:flex;flex-direction:column;box-sizing:border-box;width:66rem;max-width:100vw;height:56rem;max-height:100vh;margin:auto;padding:0;border:0';
    dialog.showModal();
    return dialog.lastChild;
  };

  const read = (script) => {
    const options = script.dataset, { mode, target, label = title } = options;
    const act = () => {
      const place = document.createElement('div');
      if (mode === 'inline') script.before(place);
      if (mode === 'inline') show(target ? document.querySelector(target) : place, options, true);
      if (mode === 'button') make('button', document.body, 'position:fixed;bottom:1rem;inset-inline-end:1rem;z-index:9999;font:600 1rem system-ui;padding:1rem 1.5rem;border:0;border-radius:2rem;background:#1f5fd0;color:#fff', { textContent: label, onclick: () => open(options) });
    };
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', act);
    else act();
  };

  addEventListener('message', ({ origin, source, data }) => {
    const frame = frames.find((each) => each.contentWindow === source);
    if (!frame || origin !== home || data?.source !== 'hermes-booker' || data.version !== 1) return;
    const { type, height, top } = data;
    if (type !== 'show') frame.dispatchEvent(new CustomEvent(`hermes:${type}`, { bubbles: true, detail: data }));
    if (!frame.inline) return;
    if (type === 'height') frame.style.height = `${height}px`;
    const at = frame.getBoundingClientRect().top + top;
    if (at < 0 || at > innerHeight * 0.7) scrollBy(0, at - 16);
  });

  document.addEventListener('click', (event) => {
    const by = event.target.closest('[data-hermes-booker]');
    if (by) open(by.dataset, event.preventDefault());
  });

  window.HermesBooker = { version: 1, mount: (element, options = {}) => show(element, options, true), open, read };
  read(own);
})();
