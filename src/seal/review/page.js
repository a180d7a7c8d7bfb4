"use strict";
// The page: turns and words, what is chosen, keys and buttons.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const talk = new Conversation(data);
  const at = (id) => document.getElementById(id);
  const list = at("words");
  const count = talk.words.length;
  let focus = 0, anchor = 0, now = -1, hits = [];
  const turns = new Turns(talk, list, isChosen);
  let doubtful = talk.uncertain(), changed = changes(); // places, in order
  let silence = 0; // when what was told goes away
  let dragged = null; // {from, moved}: where a drag over words began, and whether it chose others
  const keeping = new Keeping(data, talk, { tell, kept: drawState, trouble: (text) => { at("unsaved").textContent = text; } });

  const teaching = data.teaches ? new Teaching(at("teach"), () => talk.edits(), {
    choose: (first, last) => { choose(last, first); bring(at(`w${first}`)); list.focus({ preventScroll: true }); },
    give: (note, places, names) => { mend(note, places, (place) => who(names.get(place)), "like"); list.focus({ preventScroll: true }); },
    join: (one, other) => { talk.join(who(one), who(other)); after(talk.done.at(-1)); list.focus({ preventScroll: true }); },
    rename: (speaker, name) => {
      const problem = talk.rename(who(speaker), name);
      if (problem) tell(problem);
      else after(talk.done.at(-1));
    },
    hear: (from, to, places) => {
      if (!sound) return choose(places.at(-1), places[0]);
      sound.play(from);
      clearTimeout(until);
      until = setTimeout(() => sound.pause(), (1000 * (to - from + 0.3)) / sound.audio.playbackRate);
    },
    tell,
  }) : null;
  const known = data.library ? new Known(at("known"), data.library, () => talk.edits(), {
    rename: (speaker, name) => {
      const problem = talk.rename(who(speaker), name);
      if (problem) tell(problem);
      else after(talk.done.at(-1));
      list.focus({ preventScroll: true });
    },
    tell,
  }) : null;
  let until = 0; // when what is heard of a question ends
  const sound = data.sound ? new Listening(data, talk, heard) : null;

  // ---- drawing
  function drawSpeakers() {
    const said = talk.names.map(() => 0);
    for (const who of talk.speaker) said[who]++;
    const items = talk.names.map((name, who) => {
      const item = document.createElement("span");
      item.className = "who";
      item.style.setProperty("--who", colour(who));
      const key = document.createElement("button");
      key.textContent = who < 9 ? who + 1 : "·";
      key.title = `Give the chosen words to ${name}`;
      key.setAttribute("aria-label", `${key.textContent}: give the chosen words to ${name}`);
      key.addEventListener("click", () => { give(who); list.focus({ preventScroll: true }); });
      const field = document.createElement("input");
      field.value = name;
      field.size = Math.min(20, Math.max(4, name.length));
      field.title = `${name}: write over it to rename the speaker`;
      field.setAttribute("aria-label", `Name of speaker ${who + 1}`);
      field.addEventListener("change", () => {
        const problem = talk.rename(who, field.value);
        if (problem) tell(problem);
        else after(talk.done[talk.done.length - 1]);
        drawSpeakers();
      });
      const words = document.createElement("small");
      words.textContent = said[who];
      words.title = `${said[who]} words`;
      item.append(key, field, words);
      return item;
    });
    const more = document.createElement("button");
    more.textContent = "Add a speaker";
    more.addEventListener("click", () => {
      talk.add();
      drawSpeakers();
      sound?.draw();
      [...at("speakers").querySelectorAll("input")].at(-1).select(); // what is typed now is the name
    });
    at("speakers").replaceChildren(...items, more);
    known?.speakers(talk.names.filter((_, who) => said[who]));
  }

  function drawState() {
    const length = data.sound ? `${clock(data.sound.seconds)}, ` : "";
    const written = [...talk.words.keys()].filter((place) => talk.before(place) !== null).length;
    at("summary").textContent = `${length}${count} words, ${talk.names.length} speakers, ${changed.length} changed`
      + (written ? `, ${written} corrected by hand` : "");
    const waiting = talk.unsaved;
    at("unsaved").textContent = waiting ? "not saved" : !talk.done.length ? "" : data.save ? "saved" : "downloaded";
    at("save").disabled = data.save !== null && !waiting;
    at("undo").disabled = !talk.done.length;
    at("redo").disabled = !talk.undone.length;
    at("uncertain").disabled = !doubtful.length;
    at("changed").disabled = !changed.length;
    at("write").disabled = !count;
  }

  function changes() {
    return [...talk.words.keys()].filter((place) => talk.changed(place));
  }

  // "3 of 165": which of the uncertain, and of the changed words is chosen.
  function drawWhich() {
    for (const [name, places] of [["uncertain", doubtful], ["changed", changed]]) {
      const which = places.indexOf(focus);
      at(`which-${name}`).value = !places.length ? "" : which < 0 ? `${places.length}` : `${which + 1} of ${places.length}`;
    }
  }

  // A speaker by name; one that nobody had so far is added.
  function who(name) {
    if (!talk.names.includes(name)) {
      talk.add();
      talk.rename(talk.names.length - 1, name);
      talk.done.pop();
    }
    return talk.names.indexOf(name);
  }

  // ---- choosing
  function isChosen(place) {
    return place >= Math.min(anchor, focus) && place <= Math.max(anchor, focus);
  }

  function chosen() {
    const [first, last] = [Math.min(anchor, focus), Math.max(anchor, focus)];
    return Array.from({ length: last - first + 1 }, (_, step) => first + step);
  }

  function choose(place, from = place, scroll = true) {
    if (!count) return;
    const before = chosen();
    focus = Math.max(0, Math.min(count - 1, place));
    anchor = Math.max(0, Math.min(count - 1, from));
    for (const other of new Set([...before, ...chosen()])) {
      const span = at(`w${other}`);
      span?.classList.toggle("chosen", isChosen(other));
      span?.setAttribute("aria-selected", String(isChosen(other)));
    }
    list.setAttribute("aria-activedescendant", `w${focus}`);
    drawWhich();
    if (scroll) {
      bring(at(`w${focus}`));
      sound?.show(talk.words[focus].start);
    }
  }

  function bring(span) {
    const box = span.getBoundingClientRect();
    const top = document.querySelector("header").getBoundingClientRect().bottom;
    const tools = at("tools").getBoundingClientRect().top; // below the words on a small screen
    const bottom = Math.min(innerHeight, tools > top ? tools : innerHeight);
    if (box.top < top + 8 || box.bottom > bottom - 8) {
      span.scrollIntoView({ block: "center", behavior: "instant" });
    }
  }

  function jump(places, back, none) {
    const next = back ? places.findLast((place) => place < focus) ?? places.at(-1)
      : places.find((place) => place > focus) ?? places[0]; // round the end
    if (next === undefined) return tell(none);
    if (places.length > 1 && (back ? next >= focus : next <= focus)) {
      tell(back ? "That was the first; from the end again." : "That was the last; from the beginning again.");
    }
    choose(next);
    if (sound?.audio.paused) sound.audio.currentTime = talk.words[next].start; // Play begins there
    list.focus({ preventScroll: true }); // Enter and Space play, whatever was clicked
  }

  const nextUncertain = (back) => jump(doubtful, back, "No uncertain word is left.");
  const nextChanged = (back) => jump(changed, back, "No word was changed.");

  // ---- mending
  function after(edit, how = "") {
    if (!edit) return;
    if (edit.who !== undefined) turns.drawAll();
    else turns.redraw(edit.place !== undefined ? [edit.place] : edit.after.map(([place]) => place));
    doubtful = talk.uncertain();
    changed = changes();
    drawSpeakers();
    drawState();
    choose(focus, anchor, false);
    sound?.draw();
    tell(how + edit.note);
    if (edit.place === undefined) teaching?.ask();
  }

  function mend(note, places, to, kind) {
    const told = talk.done.length;
    talk.assign(note, places, to, kind);
    if (talk.done.length > told) after(talk.done[talk.done.length - 1]);
  }

  const give = (who) => {
    if (who < talk.names.length) mend(`${said(chosen())}: ${talk.names[who]}`, chosen(), () => who);
    else tell(`There is no speaker ${who + 1}.`);
  };
  const accept = () => mend(`${said(chosen())}: accepted`, chosen(), () => undefined);
  const revert = () => mend(`${said(chosen())}: as the first pass had it`, chosen(), (place) => talk.first[place]);

  function said(places) {
    const text = joinedWords(places.slice(0, 6).map((place) => talk.text[place]));
    return `“${text}${places.length > 6 ? " …" : ""}”`;
  }

  function merge() {
    const [first, last] = talk.turnOf(focus);
    if (!first) return tell("This is the first turn.");
    const places = Array.from({ length: last - first + 1 }, (_, step) => first + step);
    mend(`Turn merged into that of ${talk.names[talk.speaker[first - 1]]}`, places, () => talk.speaker[first - 1]);
  }

  // Write the chosen word anew, in its place.
  function write() {
    if (!count) return;
    if (!data.writable) return tell(`${data.title}: words can be corrected in a word transcript alone; seal convert makes one.`);
    sound?.pause();
    const place = focus;
    const field = document.createElement("input");
    field.className = "write";
    field.value = talk.text[place];
    field.size = Math.max(4, field.value.length + 1);
    field.setAttribute("aria-label", `Correct the word “${field.value}”`);
    let open = true;
    const close = (keep) => {
      if (!open) return;
      open = false;
      const told = talk.done.length;
      const problem = keep ? talk.write(place, field.value) : null;
      if (talk.done.length > told) after(talk.done[talk.done.length - 1]);
      else turns.redraw([place]);
      if (problem) tell(problem);
      list.focus({ preventScroll: true });
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.stopPropagation();
      close(event.key === "Enter");
    });
    field.addEventListener("blur", () => close(true));
    at(`w${place}`).replaceWith(field);
    field.focus();
    field.select();
  }

  function tell(text) {
    at("told").textContent = "";
    at("told").textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { at("told").textContent = ""; }, 6000);
  }

  // ---- listening
  function heard(time, clicked) {
    at("clock").value = clock(time);
    const place = Math.max(0, firstFrom(talk.words, time + 1e-6) - 1);
    if (place !== now) {
      at(`w${now}`)?.classList.remove("now");
      at(`w${place}`)?.classList.add("now");
      now = place;
      if (clicked) choose(place);
      else if (!sound.audio.paused) bring(at(`w${place}`));
    }
  }

  function faster(step) {
    const speeds = at("speed");
    speeds.selectedIndex = Math.max(0, Math.min(speeds.options.length - 1, speeds.selectedIndex + step));
    sound.speed(Number(speeds.value));
    tell(`Speed ${speeds.value} ×`);
  }

  // ---- searching
  function search(next) {
    const wanted = at("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    for (const place of hits) at(`w${place}`)?.classList.remove("hit");
    hits = wanted.length ? [...talk.words.keys()].filter((place) =>
      wanted.every((part, step) => talk.text[place + step]?.toLowerCase().includes(part))) : [];
    for (const place of hits) at(`w${place}`)?.classList.add("hit");
    at("found").value = wanted.length ? `${hits.length} found` : "";
    if (next && hits.length) choose(hits.find((place) => place > focus) ?? hits[0]);
  }

  // ---- keys and buttons
  const undo = () => after(talk.undo(), "Undone: ");
  const redo = () => after(talk.redo(), "Again: ");
  const split = () => {
    choose(focus, talk.turnOf(focus)[1]);
    tell("The rest of the turn is chosen: a speaker's number says whose it is.");
  };
  const turnBy = (step) => {
    const place = turns.by(focus, step);
    if (place !== undefined) choose(place);
  };
  const keys = {
    " ": () => sound?.toggle(),
    Enter: () => sound?.play(talk.words[focus].start),
    ArrowRight: (event) => choose(focus + 1, event.shiftKey ? anchor : undefined),
    ArrowLeft: (event) => choose(focus - 1, event.shiftKey ? anchor : undefined),
    ArrowDown: () => turnBy(1),
    ArrowUp: () => turnBy(-1),
    n: (event) => nextUncertain(event.shiftKey),
    c: (event) => nextChanged(event.shiftKey),
    a: accept,
    r: revert,
    t: () => { const [first, last] = talk.turnOf(focus); choose(first, last); },
    s: split,
    m: merge,
    e: write,
    q: () => teaching?.next(),
    y: () => teaching?.accept(),
    x: () => teaching?.leave(),
    b: () => sound?.back(5),
    "<": () => sound && faster(-1),
    ">": () => sound && faster(1),
    u: (event) => (event.shiftKey ? redo() : undo()),
    "+": () => sound?.closer(1.6),
    "=": () => sound?.closer(1.6),
    "-": () => sound?.closer(1 / 1.6),
    "/": () => at("search").focus(),
    "?": () => at("keys").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      const act = { s: () => keeping.save(), z: event.shiftKey ? redo : undo, y: redo }[key];
      if (act && !(event.target.matches("input") && key !== "s")) { event.preventDefault(); act(); }
      return;
    }
    if (event.altKey || at("keys").open) return;
    if (event.target.matches("input, select")) { // the field of a word looks after itself
      if (event.key === "Enter" && event.target.id === "search") search(true);
      if (event.key === "Escape" || (event.key === "Enter" && event.target.id !== "search")) list.focus({ preventScroll: true });
      return;
    }
    if (event.target.matches("button, a, summary") && (key === " " || key === "Enter")) return;
    const act = /^[1-9]$/.test(key) ? () => give(Number(key) - 1) : keys[key];
    if (act && (count || key === "?")) { event.preventDefault(); act(event); }
  });

  // A drag over words chooses them; a click plays from a word. On a telephone a drag scrolls.
  list.addEventListener("pointerdown", (event) => {
    const span = event.target.closest(".w");
    const drags = span && event.button === 0 && event.pointerType !== "touch" && !event.shiftKey;
    dragged = drags ? { from: Number(span.id.slice(1)), moved: false } : null;
  });
  document.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    if (!(event.buttons & 1)) { dragged = null; return; } // it was let go of elsewhere
    if (event.clientY > innerHeight - 32) scrollBy(0, 24);
    const span = event.target.closest?.("#words .w");
    const place = span ? Number(span.id.slice(1)) : focus;
    if (!span || (!dragged.moved && place === dragged.from)) return;
    dragged.moved = true;
    if (place !== focus || anchor !== dragged.from) choose(place, dragged.from, false);
  });

  list.addEventListener("click", (event) => {
    const moved = dragged?.moved;
    dragged = null;
    if (moved) return;
    const span = event.target.closest(".w");
    const title = event.target.closest("h2");
    if (span) {
      const place = Number(span.id.slice(1));
      choose(place, event.shiftKey ? anchor : place, false);
      if (!event.shiftKey) sound?.play(talk.words[place].start);
    } else if (title) {
      const [first, last] = talk.turnOf(Number(title.dataset.first));
      choose(first, last, false);
    }
  });
  list.addEventListener("dblclick", (event) => { if (event.target.closest(".w")) write(); });
  document.addEventListener("copy", (event) => {
    if (!count || event.target.closest?.("input") || !document.getSelection().isCollapsed) return;
    const places = chosen();
    const parts = talk.turns(places[0], places.at(-1)).map(([from, to]) => [talk.names[talk.speaker[from]], joinedWords(talk.text.slice(from, to + 1))]);
    event.clipboardData.setData("text/plain", parts.length > 1 ? parts.map(([name, text]) => `${name}: ${text}`).join("\n") : parts[0][1]);
    event.preventDefault();
  });

  const buttons = { save: () => keeping.save(), undo, redo, accept, revert, split, merge, write, help: () => at("keys").showModal(),
    uncertain: (e) => nextUncertain(e.shiftKey), changed: (e) => nextChanged(e.shiftKey), play: () => sound.toggle(),
    back: () => sound.back(5), closer: () => sound.closer(1.6), wider: () => sound.closer(1 / 1.6) };
  for (const [id, act] of Object.entries(buttons)) at(id).addEventListener("click", act);
  at("search").addEventListener("input", () => search(false));
  at("export").addEventListener("change", (event) => { if (event.target.value) keeping.export(event.target.value); event.target.value = ""; });
  for (const [title, kinds] of data.exports) {
    const group = document.createElement("optgroup");
    group.label = title;
    group.append(...kinds.map(([kind, name]) => new Option(name, kind)));
    at("export").append(group);
  }
  for (const speed of [0.5, 0.75, 1, 1.25, 1.5, 2]) at("speed").append(new Option(`${speed} ×`, speed, speed === 1, speed === 1));
  at("speed").addEventListener("change", (event) => sound.speed(Number(event.target.value)));
  if (!data.save) {
    at("save").textContent = "Download";
    at("save").title = "Ctrl S: the transcript with your edits, as a file of its own; this page stays as it was";
  }
  if (teaching) {
    const acts = { follow: () => teaching.accept(), leave: () => teaching.leave(), ask: () => teaching.next() };
    for (const [id, act] of Object.entries(acts)) at(id).addEventListener("click", act);
  }
  if (sound) {
    const playing = () => { at("play").textContent = sound.audio.paused ? "Play" : "Pause"; };
    for (const event of ["play", "pause", "ended"]) sound.audio.addEventListener(event, playing);
  }
  addEventListener("beforeunload", (event) => { if (talk.unsaved) event.preventDefault(); });

  at("empty").hidden = count > 0;
  at("teach").hidden = !teaching || !count;
  at("known").hidden = !known || !count;
  turns.drawAll();
  drawSpeakers();
  drawState();
  choose(0, 0, false);
  list.focus({ preventScroll: true });
  if (count) known?.ask();
})();
