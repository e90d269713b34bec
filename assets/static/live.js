'use strict';
// Keeps an open page as it is on the server: facts come over one stream for all tabs of the browser, and a page looks
// again when one is about what it shows.
//
// A tab that is looked at wants the lock; the one that has it keeps the stream and tells the others. Where there are no
// locks (plain http from elsewhere) every tab that is looked at has a stream of its own, and lets go at once when it is not.
(() => {
  const { find, page, ask, put, fill, clock, isSignedOut, isBusy } = window.pagerpal;
  if (!page) return;
  const BEAT = 40000, POLL = 15000, LEAVE = 60000, AGE = 60000;
  const about = (page.dataset.live || '').split(' ').filter(Boolean);
  const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('pagerpal') : null;
  const locks = tabs && navigator.locks;
  let at = document.body.dataset.at;
  let shown = new Date();
  let stream = null, release = null, asked = false, deaf = 0, failures = 0, over = false, isLive = false;
  let stale = new Set(), looking = false, lastLook = Date.now(), timer = 0, silence = 0;

  // The sentence in the corner: what may be relied on.
  const tell = () => {
    const place = find('#live');
    if (!place) return;
    let words = '○ Reload to refresh';
    if (over) words = '○ Signed out, reload to sign in';
    else if (!isLive) words = `◌ Reconnecting, showing ${clock(shown)}`;
    else if (about.length) words = '● Live';
    if (place.textContent !== words) place.textContent = words;
    place.dataset.state = over || (isLive && !about.length) ? 'off' : isLive ? 'on' : 'waiting';
  };
  const live = now => {
    isLive = now;
    if (now) {
      failures = 0;
      if (stale.size) soon(0);
    }
    tell();
  };
  const end = () => {
    over = true;
    letGo();
    tell();
  };

  // Looks again at what is stale. Never while something is being sent, whose button would vanish, and at most once a second.
  const want = what => { stale.add(what); soon(100); };
  const soon = millis => { if (!timer) timer = setTimeout(look, Math.max(millis, lastLook + 1000 - Date.now())); };
  const look = async () => {
    timer = 0;
    if (over || !stale.size || document.hidden) return;
    if (looking || isBusy()) return soon(500);
    const wanted = stale;
    stale = new Set();
    looking = true;
    lastLook = Date.now();
    const begun = new Date();
    try {
      const box = find('[data-look]');
      if (wanted.has('strips')) await part('/strips', 'strips', doc => fill(find('#strips'), doc));
      if (wanted.has('page') && about.length) await (box ? part(box.dataset.look, 'main', doc => fill(box, doc)) : part(location.href, 'main', doc => put(doc)));
      shown = begun;
    } catch {
      wanted.forEach(what => stale.add(what));
      if (isLive) soon(5000);
    } finally {
      looking = false;
      tell();
      if (stale.size && isLive) soon(1000);
    }
  };
  const part = async (url, block, use) => {
    const call = await ask('GET', url, block);
    if (isSignedOut(call)) return end();
    if (call.status !== 200 || call.getResponseHeader('X-Fragment') !== block) throw new Error(call.status);
    while (Date.now() - down < 2000) await new Promise(done => setTimeout(done, 50));
    use(call.response.body);
  };
  // Nothing changes between the press of a button and the click that comes of it.
  let down = 0;
  document.addEventListener('pointerdown', () => { down = Date.now(); }, true);
  for (const up of ['pointerup', 'pointercancel']) document.addEventListener(up, () => { down = 0; }, true);

  // A fact, from our stream or from the tab that has it.
  const hear = (id, fact) => {
    if (id) at = id;
    shown = new Date();
    if (fact.kind === 'reset') { want('page'); want('strips'); return; }
    if (fact.kind === 'strips') { want('strips'); return; }
    if (about.includes(fact.kind) || about.includes(`${fact.kind}:${fact.id}`)) want('page');
  };

  // The stream.
  const listen = () => {
    if (stream || over) return;
    const own = stream = new EventSource(`/events?after=${encodeURIComponent(at)}`);
    const alive = () => {
      clearTimeout(deaf);
      deaf = setTimeout(broken, BEAT);
      shown = new Date();
      if (!isLive) live(true);
      if (tabs) tabs.postMessage({ here: at });
    };
    const pass = (id, fact) => { alive(); hear(id, fact); if (tabs) tabs.postMessage({ id, fact }); };
    const broken = () => {
      if (own !== stream) return;
      clearTimeout(deaf);
      own.close();
      stream = null;
      failures += 1;
      live(false);
      if (tabs) tabs.postMessage({ lost: true });
      if (!document.hidden) setTimeout(() => { if (!stream && (release || !locks)) listen(); }, failures < 2 ? 2000 : POLL);
    };
    own.onopen = alive;
    own.onmessage = event => pass(event.lastEventId, JSON.parse(event.data));
    own.addEventListener('reset', event => pass(event.lastEventId, { kind: 'reset' }));
    own.addEventListener('beat', alive);
    own.addEventListener('end', () => { if (tabs) tabs.postMessage({ end: true }); end(); });
    own.onerror = broken;
  };
  const letGo = () => {
    clearTimeout(deaf);
    if (stream) stream.close();
    stream = null;
    if (release) release();
    release = null;
  };

  // Who leads.
  const join = () => {
    if (over || document.hidden) return;
    if (!locks) return listen();
    tabs.postMessage({ hello: true });
    silent();
    if (asked) return;
    asked = true;
    navigator.locks.request('pagerpal', () => new Promise(done => {
      if (document.hidden || over) return done();
      release = done;
      listen();
    })).finally(() => { asked = false; });
  };
  if (tabs) {
    tabs.onmessage = ({ data }) => {
      if (data.hello && !release) return;
      if (data.end) return end();
      if (data.hello && release) tabs.postMessage(isLive ? { here: at } : { lost: true });
      if (data.here && !stream) {
        if (data.here !== at) { at = data.here; want('page'); want('strips'); }
        shown = new Date();
        live(true);
      }
      if (data.lost && !stream) { failures = 2; live(false); }
      if (data.fact) { live(true); hear(data.id, data.fact); }
      silent();
    };
  }
  // Whoever is told by another tab notices when that one is gone.
  const silent = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      if (stream) return;
      failures = 2;
      live(false);
      join();
    }, BEAT);
  };

  // A tab that nobody looks at keeps the stream for a minute.
  let leaving = 0;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving);
    if (document.hidden) {
      leaving = setTimeout(() => { letGo(); isLive = false; }, locks ? LEAVE : 0);
      return;
    }
    if (stream) { soon(0); return; }
    want('page');
    want('strips');
    join();
  });
  window.addEventListener('pageshow', event => { if (event.persisted) { want('page'); want('strips'); join(); } });
  window.addEventListener('pagehide', letGo);
  window.addEventListener('offline', () => { if (stream) { letGo(); failures = 2; } live(false); if (tabs) tabs.postMessage({ lost: true }); });
  window.addEventListener('online', () => { want('page'); want('strips'); join(); });
  document.addEventListener('pagerpal:look', () => { stale.add('page'); timer = clearTimeout(timer) || 0; lastLook = 0; look(); });

  // What facts do not tell: words about durations, and everything while there is no stream.
  setInterval(() => { if (!isLive && failures > 1 && !document.hidden) { want('page'); want('strips'); } }, POLL);
  setInterval(() => { if (isLive && (find('[data-waiting]') || Date.now() - lastLook > AGE)) want('page'); tell(); }, 5000);
  tell();
  join();
})();
