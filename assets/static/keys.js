'use strict';
// Keys for people who live in this page. None acts by itself: a key that changes something needs a row that was chosen, or
// the page of one incident, and asks once. The list of keys is in the page; whoever wants none has said so there.
(() => {
  const { find, all, page, say, deed, refresh, clock } = window.pagerpal;
  const list = find('#keys');
  const off = document.body.dataset.keys === 'off';
  let first = 0;
  let asked = null;
  const chosen = new Set();

  const PLACES = { d: '/dashboard', i: '/incidents', o: '/on-call' };
  const VERBS = { a: ['acknowledge', 'Acknowledge', 'acknowledged'], r: ['resolve', 'Resolve', 'resolved'] };
  const rows = () => all('tbody[data-hold] tr[id]:not(.gone)', page || document);
  const title = row => find('.title', row);

  // Rows.
  const move = step => {
    const there = rows();
    if (!there.length) return;
    const now = there.findIndex(row => row.contains(document.activeElement));
    const next = there[Math.min(Math.max(now + step, 0), there.length - 1)];
    title(next).focus();
    next.scrollIntoView({ block: 'nearest' });
  };
  const choose = () => {
    const row = rows().find(one => one.contains(document.activeElement));
    if (!row) return say('Move to a row first, with j and k.');
    if (!chosen.delete(row.id)) chosen.add(row.id);
    mark();
    say(chosen.size ? `${chosen.size} chosen` : 'None chosen');
  };
  const mark = () => rows().forEach(row => {
    const box = find('[name=number]', row);
    row.toggleAttribute('data-chosen', chosen.has(row.id));
    if (box) box.checked = chosen.has(row.id);
  });
  document.addEventListener('change', event => {
    const row = event.target.closest('.pick') && event.target.closest('tr');
    if (!row) return;
    chosen[event.target.checked ? 'add' : 'delete'](row.id);
    mark();
  });
  document.addEventListener('pagerpal:drawn', () => {
    const there = rows().map(row => row.id);
    chosen.forEach(id => { if (!there.includes(id)) chosen.delete(id); });
    mark();
  });

  // Deeds. The question names what will be done; Enter does it, and any other key does not.
  const ask = (question, go) => { asked = go; say(`${question}? Enter`, true); };
  const press = (verb, word) => {
    const button = find(`#act button[formaction$="/${verb}"]`);
    if (!button) return say(`There is nothing to ${word.toLowerCase()} here.`);
    ask(button.textContent.trim(), () => button.click());
  };
  const act = key => {
    const [verb, word, past] = VERBS[key];
    const picked = rows().filter(row => chosen.has(row.id));
    if (picked.length) return ask(`${word} ${picked.length}`, () => every(picked, verb, past));
    if (rows().length) return say('Choose a row first, with x.');
    press(verb, word);
  };
  const every = async (picked, verb, past) => {
    const form = find('#act');
    let done = 0;
    const refused = [];
    for (const row of picked) {
      const answer = await deed(form, null, `${title(row).pathname}/${verb}`);
      if (answer.done) done += 1; else refused.push(`${find('.num', row).textContent}: ${answer.words}`);
    }
    chosen.clear();
    say([`${done} ${past} ${clock()}`, ...refused].join('. '));
    refresh();
  };
  const note = () => {
    const field = find('textarea[name=note]');
    if (!field) return;
    const section = field.closest('details');
    if (section) section.open = true;
    field.focus();
  };

  // The list.
  const show = () => { if (list && !list.open) list.showModal(); };
  document.addEventListener('click', event => {
    if (event.target.id === 'keys-show') show();
    if (event.target.id === 'keys-close') list.close();
  });
  const button = find('#keys-show');
  if (button) button.hidden = false;

  document.addEventListener('keydown', event => {
    const at = event.target;
    if (off || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.nodeName) || (list && list.open)) return;
    if (event.key === 'Shift') return;
    const go = asked;
    asked = null;
    if (go) {
      event.preventDefault();
      if (event.key === 'Enter') go(); else say('Nothing was done.');
      return;
    }
    const followed = Date.now() - first < 1500;
    first = 0;
    if (followed && PLACES[event.key]) {
      location.href = PLACES[event.key];
      return;
    }
    const KEYS = {
      '/': () => { const field = find('input[type=search]'); if (!field) { location.href = PLACES.i; return; } const box = field.closest('details'); if (box) box.open = true; field.focus(); },
      '?': show,
      g: () => { first = Date.now(); },
      j: () => move(1),
      k: () => move(-1),
      x: choose,
      a: () => act('a'),
      r: () => act('r'),
      e: () => press('escalate', 'Escalate'),
      n: note,
    };
    if (!Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
})();
