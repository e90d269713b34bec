'use strict';
// What the scripts of a page share: asking for a part of it, putting that in place, one voice, times that go on.
//
// Without any of this every page works: it is made of forms and links. Nothing here makes markup of text. Parts come as
// documents, which the browser reads without running anything, and are compared with what is there node by node, so that
// focus, fields half filled in and open sections stay as they are.
window.pagerpal = (() => {
  const find = (css, root = document) => root.querySelector(css);
  const all = (css, root = document) => [...root.querySelectorAll(css)];
  const page = find('#page');
  const { zone = 'UTC', hours } = document.body.dataset;

  // Asks for a block of a page. Answers the request when it is over; fails when nothing came.
  const ask = (method, url, block, body) => new Promise((done, failed) => {
    const call = new XMLHttpRequest();
    call.open(method, url);
    call.responseType = 'document';
    call.setRequestHeader('X-Fragment', block);
    if (!body) call.timeout = 10000;
    call.onload = () => done(call);
    call.onerror = call.ontimeout = () => failed(new Error('no answer'));
    call.send(body);
  });

  // The session is over when a page becomes the one to sign in.
  const isSignedOut = call => new URL(call.responseURL || location.href).pathname === '/login';

  // The voice falls silent after a while, but not in the middle of a question or of an attempt.
  let silence = 0;
  const say = (words, stays) => {
    const voice = find('#voice');
    if (!voice) return;
    clearTimeout(silence);
    voice.textContent = words;
    if (!stays) silence = setTimeout(() => { voice.textContent = ''; }, 15000);
  };
  const alarm = words => { const voice = find('#alarm'); if (voice) voice.textContent = words; };
  const clock = (at = new Date()) => new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: zone, hour12: hours === '12h' }).format(at);

  // Makes `old` what `fresh` is. What has an id is found again by it; `leave` says which nodes stay as they are.
  const become = (old, fresh, leave) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (leave && leave(old)) return;
    for (const { name } of [...old.attributes]) {
      // A section that the reader has opened stays open.
      if (!fresh.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    children(old, fresh, leave);
  };
  const children = (old, fresh, leave) => {
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      // Words are compared with what stands here; elements also with what comes later, which then moves up.
      let alike = next.id ? [...old.children].find(child => child.id === next.id) : at;
      while (!next.id && alike && (alike.id || alike.nodeName !== next.nodeName)) {
        alike = next.nodeType === Node.ELEMENT_NODE ? alike.nextSibling : null;
      }
      if (!alike) {
        old.insertBefore(document.importNode(next, true), at);
        continue;
      }
      if (alike === at) at = at.nextSibling;
      else old.insertBefore(alike, at);
      become(alike, next, leave);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  // Rows of a list that is being read must not move under the thumb: new ones wait until they are asked for.
  const numbers = rows => rows.map(row => row.id).filter(Boolean);
  let waiting = null;
  const isHeld = list => list && (list.dataset.hold === 'always' || list.matches(':hover') || list.contains(document.activeElement));
  const put = (fresh, now) => {
    const list = find('tbody[data-hold]', page);
    const next = find('tbody[data-hold]', fresh);
    tellOfCritical(next);
    const focus = document.activeElement && document.activeElement.id;
    if (now || !next || !isHeld(list)) {
      waiting = null;
      children(page, fresh);
    } else {
      const come = numbers([...next.rows]);
      const here = numbers([...list.rows]);
      for (const row of [...list.rows]) {
        const same = next.rows.namedItem(row.id);
        if (same) become(row, same);
        else row.classList.add('gone');
        all('button', row).forEach(button => { button.disabled = !same; });
      }
      const added = come.filter(id => !here.includes(id)).length;
      waiting = added || here.some(id => !come.includes(id)) ? fresh : null;
      children(page, fresh, node => node === list);
      const more = find('#more');
      if (more && waiting) {
        more.hidden = false;
        more.textContent = added ? `${added} new, show` : 'Show as it is now';
      }
    }
    if (focus && document.activeElement === document.body) { const same = document.getElementById(focus); if (same) same.focus(); }
    dress();
    document.dispatchEvent(new Event('pagerpal:drawn'));
  };

  // Said once for each, and never for what was there when the page was opened.
  const critical = root => (root ? all('tr.critical[id]', root) : []);
  const known = new Set(critical(document).map(row => row.id));
  const tellOfCritical = list => {
    const fresh = critical(list).filter(row => !known.has(row.id));
    fresh.forEach(row => known.add(row.id));
    if (fresh.length) alarm(`New critical incident ${find('.title', fresh[0]).textContent.trim()}`);
  };

  // "2 min ago" stays true while the page is open. What is written out is left alone.
  const skew = Number(document.body.dataset.now) * 1000 - Date.now();
  const span = secs => {
    if (secs < 60) return `${secs} s`;
    if (secs < 3600) return `${Math.floor(secs / 60)} min`;
    const [large, name, small, rest] = secs < 86400
      ? [Math.floor(secs / 3600), 'h', Math.floor(secs % 3600 / 60), 'min']
      : [Math.floor(secs / 86400), 'd', Math.floor(secs % 86400 / 3600), 'h'];
    return small ? `${large} ${name} ${small} ${rest}` : `${large} ${name}`;
  };
  const tick = () => all('time[datetime]').forEach(time => {
    if (!/^(now|in .*| *\d.* ago)$/.test(time.textContent)) return;
    const secs = Math.round((Date.parse(time.dateTime) - Date.now() - skew) / 1000);
    const words = Math.abs(secs) < 2 ? 'now' : secs < 0 ? `${span(-secs)} ago` : `in ${span(secs)}`;
    if (time.textContent !== words) time.textContent = words;
  });

  // What is to be taken away by hand gets a button. Without a secure connection browsers copy nothing, so it is selected.
  const dress = () => {
    for (const text of all('.key, [data-copy]')) {
      if (text.dataset.dressed) continue;
      text.dataset.dressed = 'yes';
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'quiet copy';
      button.textContent = 'Copy';
      button.addEventListener('click', async () => {
        getSelection().selectAllChildren(text);
        try {
          await navigator.clipboard.writeText(text.textContent.trim());
          say('Copied.');
        } catch {
          say('Selected. Copy it with the keyboard.');
        }
      });
      text.after(button);
    }
  };

  // The second click of a double click was meant for what stood there at the first; an answer may have come in between.
  document.addEventListener('click', event => {
    const button = event.detail > 1 && event.target.closest('button');
    if (button && button.form && button.form.dataset.fragment) event.preventDefault();
  }, true);

  // One deed at a time for each button, and nothing is said to be done before the server has said so.
  const sending = new Set();
  const wait = millis => new Promise(done => setTimeout(done, millis));
  const send = async (url, body, words, mayRepeat) => {
    say('Sending…', true);
    const late = setTimeout(() => say('Not confirmed yet, still trying', true), 8000);
    try {
      for (let round = 0; ; round += 1) {
        const last = !mayRepeat || round === 20;
        try {
          const call = await ask('POST', url, words.block, body);
          if (call.status < 500 || last) return call;
        } catch (error) {
          if (last) throw error;
        }
        await wait(2000);
      }
    } finally {
      clearTimeout(late);
    }
  };
  const complaint = doc => {
    const place = doc && (find('[role=alert]', doc) || find('main p:not(.hint)', doc) || find('h1', doc));
    return place ? place.textContent.trim() : 'PagerPal did not say why.';
  };

  // Sends a form, or the deed of one of its buttons. Answers what became of it, in words for the reader.
  const deed = async (form, button, url = (button && button.getAttribute('formaction')) || form.action) => {
    const own = button || form;
    if (sending.has(own)) return { done: false, words: '' };
    sending.add(own);
    const label = button ? [...button.childNodes] : [];
    const body = new URLSearchParams(new FormData(form, button));
    if (button) {
      button.replaceChildren('Sending…');
      button.setAttribute('aria-disabled', 'true');
    }
    const mayRepeat = /\/(acknowledge|resolve)$/.test(url);
    const block = (button && button.dataset.fragment) || form.dataset.fragment;
    try {
      const call = await send(url, body, { block }, mayRepeat);
      if (isSignedOut(call)) return { done: false, words: 'You are signed out. Reload the page to sign in; nothing was done.' };
      if (call.status === 204) return { done: true, words: '', again: true };
      const isPart = call.getResponseHeader('X-Fragment') === block;
      if (call.status < 400) form.reset();
      if (isPart && call.response) put(call.response.body, true);
      const said = isPart && find('#said', page);
      if (call.status < 400) return { done: true, words: said ? said.textContent.trim() : '', again: !isPart };
      return { done: false, words: complaint(call.response), again: !isPart };
    } catch {
      const hint = mayRepeat ? 'Reload the page to see whether it was done.' : 'It may have been done: look before you try again.';
      return { done: false, words: `No answer from PagerPal. ${hint}` };
    } finally {
      sending.delete(own);
      if (button && button.isConnected && button.getAttribute('aria-disabled')) {
        button.replaceChildren(...label);
        button.removeAttribute('aria-disabled');
      }
    }
  };
  const refresh = () => document.dispatchEvent(new Event('pagerpal:look'));

  document.addEventListener('submit', async event => {
    const form = event.target;
    if (!form.dataset.fragment || event.defaultPrevented) return;
    event.preventDefault();
    const button = event.submitter;
    const past = (button && button.dataset.done) || 'Done';
    const answer = await deed(form, button);
    if (answer.words || answer.done) say(answer.words || `${past} ${clock()}`);
    if (answer.again) refresh();
  });
  document.addEventListener('click', event => {
    if (event.target.id === 'more' && waiting) put(waiting, true);
  });

  setInterval(tick, 5000);
  tick();
  dress();
  return { find, all, page, ask, put, fill: children, say, clock, deed, isSignedOut, refresh, isBusy: () => sending.size > 0 };
})();
