"use strict";
// The page: turns and words, what is chosen, keys and buttons.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const talk = new Conversation(data);
  const at = (id) => document.getElementById(id);
  const list = at("words");
  const count = talk.words.length;
  let focus = 0, anchor = 0, now = -1, hits = [];
  let turns = []; // {first, last, element}, in order
  let doubtful = talk.uncertain();
  let silence = 0; // when what was told goes away
  let saving = false;

  const sound = data.sound ? new Listening(data, talk, heard) : null;

  // ---- drawing
  function spanOf(place) {
    const word = talk.words[place];
    const span = document.createElement("span");
    span.className = "w";
    span.id = `w${place}`;
    span.setAttribute("role", "option");
    span.textContent = word.text;
    dress(span, place);
    return span;
  }

  function dress(span, place) {
    const certainty = talk.certainty(place);
    const changed = talk.changed(place);
    const former = talk.names[talk.first[place]];
    span.classList.toggle("changed", changed);
    span.classList.toggle("reviewed", talk.reviewed[place]);
    span.style.setProperty("--doubt", Math.min(60, Math.round(Math.max(0, 0.95 - certainty) * 90))); // more would be hard to read in the dark
    span.style.setProperty("--former", `var(--s${(talk.first[place] % 9) + 1})`);
    const notes = [];
    if (changed) notes.push(`was ${former}`);
    if (certainty < 1) notes.push(`${Math.round(certainty * 100)} % sure`);
    if (talk.reviewed[place]) notes.push("looked at");
    span.title = notes.join(", ");
    span.setAttribute("aria-label", [talk.words[place].text, ...notes].join(", "));
    span.setAttribute("aria-selected", String(isChosen(place)));
    span.classList.toggle("chosen", isChosen(place));
  }

  function turnElement(first, last) {
    const who = talk.speaker[first];
    const element = document.createElement("section");
    element.className = "turn";
    element.style.setProperty("--who", `var(--s${(who % 9) + 1})`);
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", `${talk.names[who]}, ${clock(talk.words[first].start)}`);
    const title = document.createElement("h2");
    title.textContent = talk.names[who];
    title.setAttribute("role", "presentation"); // a listbox has groups and options; the group is named
    title.dataset.first = first;
    const time = document.createElement("time");
    time.textContent = clock(talk.words[first].start);
    title.append(time);
    const text = document.createElement("p");
    for (let place = first; place <= last; place++) {
      text.append(spanOf(place));
      // A run of words that were another's is told once, at its end.
      const runs = place < last && talk.changed(place + 1) && talk.first[place + 1] === talk.first[place];
      if (talk.changed(place) && !runs) {
        const was = document.createElement("span");
        was.className = "was";
        was.setAttribute("aria-hidden", "true");
        was.style.setProperty("--former", `var(--s${(talk.first[place] % 9) + 1})`);
        was.textContent = `was ${talk.names[talk.first[place]]}`;
        text.append(was);
      }
      text.append(" ");
    }
    element.append(title, text);
    return { first, last, element };
  }

  function drawAll() {
    turns = talk.turns().map(([first, last]) => turnElement(first, last));
    list.replaceChildren(...turns.map((turn) => turn.element));
  }

  // Draw again the turns about some places, no others.
  function redraw(places) {
    const low = Math.max(0, Math.min(...places) - 1);
    const high = Math.min(count - 1, Math.max(...places) + 1);
    const from = turns.findIndex((turn) => turn.last >= low);
    let to = from;
    while (to + 1 < turns.length && turns[to].last < high) to++;
    const made = talk.turns(turns[from].first, turns[to].last).map(([first, last]) => turnElement(first, last));
    turns[from].element.before(...made.map((turn) => turn.element));
    for (const turn of turns.slice(from, to + 1)) turn.element.remove();
    turns.splice(from, to + 1 - from, ...made);
  }

  function drawSpeakers() {
    const said = talk.names.map(() => 0);
    for (const who of talk.speaker) said[who]++;
    const items = talk.names.map((name, who) => {
      const item = document.createElement("span");
      item.className = "who";
      item.style.setProperty("--who", `var(--s${(who % 9) + 1})`);
      const key = document.createElement("button");
      key.textContent = who < 9 ? who + 1 : "·";
      key.title = `Give the chosen words to ${name}`;
      key.setAttribute("aria-label", key.title);
      key.addEventListener("click", () => { give(who); list.focus({ preventScroll: true }); });
      const field = document.createElement("input");
      field.value = name;
      field.size = Math.min(20, Math.max(4, name.length));
      field.title = "Write over it to rename the speaker";
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
    more.addEventListener("click", () => { talk.add(); drawSpeakers(); sound?.draw(); });
    at("speakers").replaceChildren(...items, more);
  }

  function drawState() {
    const changed = talk.speaker.filter((_, place) => talk.changed(place)).length;
    const length = data.sound ? `${clock(data.sound.seconds)}, ` : "";
    at("summary").textContent = `${length}${count} words, ${talk.names.length} speakers, ${changed} changed`;
    const waiting = talk.unsaved;
    at("unsaved").textContent = waiting ? "not saved" : talk.done.length ? "saved" : "";
    at("save").disabled = data.save !== null && !waiting;
    at("undo").disabled = !talk.done.length;
    at("redo").disabled = !talk.undone.length;
    at("uncertain").disabled = !doubtful.size;
    at("changed").disabled = !changed;
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

  function jump(wanted, back, none) {
    const places = back ? [...Array(count).keys()].reverse() : [...Array(count).keys()];
    const next = places.find((place) => (back ? place < focus : place > focus) && wanted(place))
      ?? places.find(wanted); // round the end
    if (next === undefined) tell(none);
    else choose(next);
  }

  const nextUncertain = (back) => jump((place) => doubtful.has(place), back, "No uncertain word is left.");
  const nextChanged = (back) => jump((place) => talk.changed(place), back, "No word was changed.");

  // ---- mending
  function after(edit, how = "") {
    if (!edit) return;
    if (edit.who !== undefined) { drawAll(); drawSpeakers(); }
    else redraw(edit.after.map(([place]) => place));
    doubtful = talk.uncertain();
    drawSpeakers();
    drawState();
    choose(focus, anchor, false);
    sound?.draw();
    tell(how + edit.note);
  }

  function mend(note, places, to) {
    const told = talk.done.length;
    talk.assign(note, places, to);
    if (talk.done.length > told) after(talk.done[talk.done.length - 1]);
  }

  const give = (who) => {
    if (who < talk.names.length) mend(`${said(chosen())}: ${talk.names[who]}`, chosen(), () => who);
    else tell(`There is no speaker ${who + 1}.`);
  };
  const accept = () => mend(`${said(chosen())}: accepted`, chosen(), () => undefined);
  const revert = () => mend(`${said(chosen())}: as the first pass had it`, chosen(), (place) => talk.first[place]);

  function said(places) {
    const text = places.slice(0, 6).map((place) => talk.words[place].text).join(" ");
    return `“${text}${places.length > 6 ? " …" : ""}”`;
  }

  function merge() {
    const [first, last] = talk.turnOf(focus);
    if (!first) return tell("This is the first turn.");
    const places = Array.from({ length: last - first + 1 }, (_, step) => first + step);
    mend(`Turn merged into that of ${talk.names[talk.speaker[first - 1]]}`, places, () => talk.speaker[first - 1]);
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

  function clock(time) {
    const [hours, minutes, seconds] = [time / 3600, (time / 60) % 60, time % 60].map(Math.floor);
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  }

  // ---- searching
  function search(next) {
    const wanted = at("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    for (const place of hits) at(`w${place}`)?.classList.remove("hit");
    hits = wanted.length ? [...talk.words.keys()].filter((place) =>
      wanted.every((part, step) => talk.words[place + step]?.text.toLowerCase().includes(part))) : [];
    for (const place of hits) at(`w${place}`)?.classList.add("hit");
    at("found").value = wanted.length ? `${hits.length} found` : "";
    if (next && hits.length) choose(hits.find((place) => place > focus) ?? hits[0]);
  }

  // ---- keeping
  async function ask(method, url, body) {
    const answer = await fetch(url, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
    return answer;
  }

  function download(text, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  async function save() {
    if (saving) return;
    saving = true;
    try {
      const mark = talk.mark();
      if (data.save) data.save = (await (await ask("PUT", data.save, talk.edits())).json()).save;
      else download(talk.text(data.transcript, data.indices), data.title.replace(/(\.\w+)?$/, ".json"));
      talk.saved(mark);
      drawState();
      tell("Saved.");
    } catch (error) {
      at("unsaved").textContent = `not saved: ${error.message}`;
    } finally {
      saving = false;
    }
  }

  async function exportAs(kind) {
    try {
      const answer = await ask("POST", `export/${encodeURIComponent(kind)}`, talk.edits());
      const name = decodeURIComponent(answer.headers.get("X-Name"));
      download(await answer.text(), name);
      tell(`Exported: ${name}`);
    } catch (error) {
      at("unsaved").textContent = `not exported: ${error.message}`;
    }
  }

  // ---- keys and buttons
  const undo = () => after(talk.undo(), "Undone: ");
  const redo = () => after(talk.redo(), "Again: ");
  const split = () => {
    choose(focus, talk.turnOf(focus)[1]);
    tell("The rest of the turn is chosen: a speaker's number says whose it is.");
  };
  const turnBy = (step) => {
    const place = turns.findIndex((turn) => turn.last >= focus) + step;
    if (turns[place]) choose(turns[place].first);
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
      const act = { s: save, z: event.shiftKey ? redo : undo, y: redo }[key];
      if (act && !(event.target.matches("input") && key !== "s")) { event.preventDefault(); act(); }
      return;
    }
    if (event.altKey || at("keys").open) return;
    if (event.target.matches("input, select")) {
      if (event.key === "Enter" && event.target.id === "search") search(true);
      if (event.key === "Escape" || (event.key === "Enter" && event.target.id !== "search")) list.focus({ preventScroll: true });
      return;
    }
    if (event.target.matches("button, a") && (key === " " || key === "Enter")) return;
    const act = /^[1-9]$/.test(key) ? () => give(Number(key) - 1) : keys[key];
    if (act && (count || key === "?")) { event.preventDefault(); act(event); }
  });

  list.addEventListener("click", (event) => {
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

  const buttons = { save, undo, redo, accept, revert, split, merge, help: () => at("keys").showModal(), uncertain: (e) => nextUncertain(e.shiftKey),
    changed: (e) => nextChanged(e.shiftKey), play: () => sound.toggle(), closer: () => sound.closer(1.6),
    wider: () => sound.closer(1 / 1.6) };
  for (const [id, act] of Object.entries(buttons)) at(id).addEventListener("click", act);
  at("search").addEventListener("input", () => search(false));
  at("export").addEventListener("change", (event) => { if (event.target.value) exportAs(event.target.value); event.target.value = ""; });
  for (const kind of data.exports) at("export").append(new Option(kind, kind));
  at("export").hidden = !data.exports.length;
  if (!data.save) at("save").textContent = "Download";
  if (sound) {
    const playing = () => { at("play").textContent = sound.audio.paused ? "Play" : "Pause"; };
    for (const event of ["play", "pause", "ended"]) sound.audio.addEventListener(event, playing);
  }
  addEventListener("beforeunload", (event) => { if (talk.unsaved) event.preventDefault(); });

  at("empty").hidden = count > 0;
  drawAll();
  drawSpeakers();
  drawState();
  choose(0, 0, false);
  list.focus({ preventScroll: true });
})();
