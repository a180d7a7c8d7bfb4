"use strict";
// The conversation and what was changed in it, with undo. It knows nothing of the page. A word's text
// changes where somebody writes it anew, and that is marked; nowhere else.
class Conversation {
  constructor(data) {
    this.words = data.words;
    this.names = [...data.speakers];
    const place = (name) => {
      if (!this.names.includes(name)) this.names.push(name);
      return this.names.indexOf(name);
    };
    this.speaker = this.words.map((word) => place(word.speaker));
    this.first = this.words.map((word) => place(word.first));
    // A speaker may be called "constructor": what an object inherits is no score.
    const score = (scores, name) => (Object.hasOwn(scores, name) ? scores[name] : 0);
    this.scores = this.words.map((w) => w.scores && this.names.map((name) => score(w.scores, name)));
    this.reviewed = this.words.map((word) => Boolean(word.reviewed));
    this.byHand = this.words.map(() => false);
    this.text = this.words.map((word) => word.text);
    this.rewritten = new Set(); // places whose text somebody has set, or set back
    this.inFile = [...this.names]; // what the file calls them
    this.done = [];
    this.undone = [];
    this.kept = null; // the latest edit that is in the file
  }

  get unsaved() {
    return (this.done[this.done.length - 1] ?? null) !== this.kept;
  }

  changed(place) {
    return this.speaker[place] !== this.first[place];
  }

  // What a word was before somebody wrote it anew; null for the others.
  before(place) {
    const before = this.words[place].before ?? this.words[place].text;
    return before === this.text[place] ? null : before;
  }

  // What spoke for the speaker that a word has in the file, strongest first; nothing else is known.
  by(place) {
    return this.byHand[place] ? [] : (this.words[place].by ?? []);
  }

  certainty(place) {
    if (this.reviewed[place] || this.byHand[place]) return 1;
    return this.words[place].confidence ?? this.scores[place]?.[this.speaker[place]] ?? 1;
  }

  // The least certain words, in order: `share` of all, those at 1 aside.
  uncertain(share = 0.05) {
    const places = this.words.map((_, place) => place).filter((p) => this.certainty(p) < 1);
    places.sort((a, b) => this.certainty(a) - this.certainty(b) || a - b);
    return places.slice(0, Math.ceil(share * this.words.length)).sort((a, b) => a - b);
  }

  // [first, last] of the turns that begin and end within these places.
  turns(from = 0, to = this.words.length - 1) {
    const found = [];
    for (let place = from; place <= to; place++) {
      const latest = found[found.length - 1];
      if (latest && this.speaker[latest[0]] === this.speaker[place]) latest[1] = place;
      else found.push([place, place]);
    }
    return found;
  }

  turnOf(place) {
    let [first, last] = [place, place];
    while (first > 0 && this.speaker[first - 1] === this.speaker[place]) first--;
    while (last + 1 < this.words.length && this.speaker[last + 1] === this.speaker[place]) last++;
    return [first, last];
  }

  // `to` gives the new speaker of a place, `undefined` leaves it and says that it was looked at.
  // `kind` is that of the ruling ("like" for what was accepted with others), else by the number of words.
  assign(note, places, to, kind) {
    const kept = places.map((place) => [place, this.speaker[place], this.reviewed[place], this.byHand[place]]);
    const next = places.map((place) => {
      const speaker = to(place) ?? this.speaker[place];
      return [place, speaker, true, this.byHand[place] || speaker !== this.speaker[place]];
    });
    if (next.length) this.#do({ note, kind: kind ?? (next.length > 1 ? "turn" : "word"), before: kept, after: next });
  }

  // Two speakers are one: all words of `one` are the other's.
  join(one, other) {
    const places = [...this.words.keys()].filter((place) => this.speaker[place] === one);
    const [from, to] = [this.names[one], this.names[other]];
    const before = places.map((place) => [place, one, this.reviewed[place], this.byHand[place]]);
    const after = places.map((place) => [place, other, this.reviewed[place], true]);
    if (places.length) this.#do({ note: `${from} is ${to}`, kind: "merge", from, to, before, after });
  }

  // Write a word anew; null, or why that cannot be.
  write(place, text) {
    text = text.trim().replace(/\s+/g, " ");
    if (text === this.text[place]) return null;
    if (!text) return "A word cannot be taken away, only written otherwise.";
    const note = `“${this.text[place]}” is now “${text}”`;
    this.rewritten.add(place);
    this.#do({ note, place, before: this.text[place], after: text });
    return null;
  }

  // Give a speaker another name; null, or why that cannot be.
  rename(who, name) {
    name = name.trim();
    if (name === this.names[who]) return null;
    if (!name) return "A speaker must have a name.";
    if (this.names.includes(name)) return `There is a speaker called ${name} already.`;
    this.#do({ note: `${this.names[who]} is now ${name}`, who, before: this.names[who], after: name });
    return null;
  }

  add() {
    let number = this.names.length + 1;
    while (this.names.includes(`Speaker ${number}`)) number++;
    this.names.push(`Speaker ${number}`);
    this.inFile.push(null);
    for (const scores of this.scores) scores?.push(0);
  }

  #do(edit) {
    this.done.push(edit);
    this.undone = [];
    this.#set(edit, edit.after);
  }

  undo() {
    return this.#move(this.done, this.undone, "before");
  }

  redo() {
    return this.#move(this.undone, this.done, "after");
  }

  #move(from, to, side) {
    const edit = from.pop();
    if (edit) {
      to.push(edit);
      this.#set(edit, edit[side]);
    }
    return edit;
  }

  #set(edit, side) {
    if (edit.who !== undefined) this.names[edit.who] = side;
    else if (edit.place !== undefined) this.text[edit.place] = side;
    else for (const [place, speaker, reviewed, byHand] of side) {
      this.speaker[place] = speaker;
      this.reviewed[place] = reviewed;
      this.byHand[place] = byHand;
    }
  }

  // What a file has that is written now; `saved` takes it once that is there, for edits may have
  // come meanwhile.
  mark() {
    return { kept: this.done[this.done.length - 1] ?? null, names: [...this.names] };
  }

  saved({ kept, names }) {
    this.kept = kept;
    this.inFile = this.inFile.map((name, who) => names[who] ?? name);
  }

  // What `seal.review.edits` takes.
  edits() {
    const renamed = Object.create(null);
    this.inFile.forEach((old, who) => {
      if (old !== null && old !== this.names[who]) renamed[old] = this.names[who];
    });
    return {
      speakers: this.speaker.map((who) => this.names[who]),
      reviewed: this.reviewed.flatMap((seen, place) => (seen ? [place] : [])),
      renamed,
      texts: Object.fromEntries([...this.rewritten].map((place) => [place, this.text[place]])),
      acts: this.done.filter((edit) => edit.kind).map(({ kind, from, to, after }) =>
        ({ kind, words: after.map(([place]) => place), ...(kind === "merge" ? { from, to } : {}) })),
      at: `${new Date().toISOString().slice(0, 19)}Z`,
    };
  }

  // What was said by whom and when, as exports want it.
  spoken() {
    // `shown`: with the signs beside it ("Flour &"), as long as nobody has written the word anew.
    const said = ({ text, shown }, place) => (this.text[place] === text && shown) || this.text[place];
    return this.words.map((word, place) =>
      ({ start: word.start, end: word.end, text: said(word, place), speaker: this.names[this.speaker[place]], estimated: word.estimated }));
  }

  // The file with the edits in it. `transcript` has each word's keys with their values as they are
  // written, so that no number and no key changes on its way.
  file(transcript, indices) {
    const { speakers, reviewed, renamed, texts, acts, at } = this.edits();
    const seen = new Set(reviewed);
    const rulings = new Rulings(transcript, renamed, acts, at);
    const now = new Map(Object.entries(renamed));
    const name = (raw) => { const old = JSON.parse(raw); return JSON.stringify(now.get(old) ?? old); };
    const words = transcript.map((fields) => new Map(fields));
    indices.forEach((index, place) => {
      const word = words[index];
      const old = word.get("speaker");
      const was = rulings.said(word, name);
      if (JSON.stringify(speakers[place]) !== name(old)) {
        if (!word.has("first_pass_speaker")) word.set("first_pass_speaker", old);
        word.set("speaker_confidence", "1.0");
      }
      word.set("speaker", JSON.stringify(speakers[place]));
      if (word.has("first_pass_speaker")) word.set("first_pass_speaker", name(word.get("first_pass_speaker")));
      if (Array.isArray(word.get("speaker_scores"))) {
        const scores = word.get("speaker_scores").map(([who, raw]) => `${JSON.stringify(now.get(who) ?? who)}: ${raw}`);
        word.set("speaker_scores", `{${scores.join(", ")}}`);
      }
      const reviewedBefore = word.get("reviewed") === "true";
      if (seen.has(place)) word.set("reviewed", "true");
      else if (word.delete("reviewed") && reviewedBefore) rulings.forget(word);
      if (JSON.stringify(speakers[place]) !== name(old) || (seen.has(place) && !reviewedBefore)) rulings.add(word, place, was);
      const text = texts[place];
      if (text !== undefined && text !== JSON.parse(word.get("words"))) {
        if (!word.has("words_before")) word.set("words_before", word.get("words"));
        word.set("words", JSON.stringify(text));
        if (text === JSON.parse(word.get("words_before"))) word.delete("words_before");
      }
    });
    if (indices.length) rulings.addNames(words[indices[0]]);
    const plain = (raw) => (Array.isArray(raw) ? `{${raw.map(([k, v]) => `${JSON.stringify(k)}: ${v}`).join(", ")}}` : raw);
    const lines = words.map((word) =>
      "{" + [...word].map(([key, raw]) => `${JSON.stringify(key)}: ${plain(raw)}`).join(", ") + "}");
    return lines.length ? `[\n ${lines.join(",\n ")}\n]\n` : "[]\n";
  }
}

// The rulings that a file gets, as `seal.review.edits` writes them; values stay as they are written.
class Rulings {
  constructor(transcript, renamed, acts, at) {
    this.at = JSON.stringify(at);
    let number = 0;
    for (const fields of transcript) {
      for (const each of parsedRulings(new Map(fields).get("rulings"))) number = Math.max(number, each.act);
    }
    const swapped = Object.keys(renamed).some((old) => Object.values(renamed).includes(old));
    this.names = acts && !swapped ? Object.entries(renamed).map(([from, to]) => ({ act: ++number, from, to })) : [];
    this.decided = new Map();
    for (const act of acts ?? []) {
      number++;
      for (const place of act.words) this.decided.set(place, { ...act, act: number });
    }
  }

  // What the word says of its speaker, before it is changed.
  said(word, name) {
    const kept = ["speaker", "first_pass_speaker", "speaker_confidence", "reviewed"].filter((key) => word.has(key));
    return `{${kept.map((key) => `"${key}": ${key.endsWith("speaker") ? name(word.get(key)) : word.get(key)}`).join(", ")}}`;
  }

  add(word, place, was) {
    const act = this.decided.get(place);
    if (!act) return;
    const more = act.kind === "merge" ? `, "from": ${JSON.stringify(act.from)}, "to": ${JSON.stringify(act.to)}` : "";
    this.#set(word, [...this.#raw(word), `{"act": ${act.act}, "kind": "${act.kind}", "by": "person"${more}, "at": ${this.at}, "was": ${was}}`]);
  }

  addNames(word) {
    for (const { act, from, to } of this.names) {
      const found = this.#raw(word);
      const latest = parsedRulings(word.get("rulings")).at(-1)?.act;
      const made = `{"act": ${act}, "kind": "name", "by": "person", "at": ${this.at}, "from": ${JSON.stringify(from)}, "to": ${JSON.stringify(to)}}`;
      this.#set(word, latest > act ? [...found.slice(0, -1), made, found.at(-1)] : [...found, made]);
    }
  }

  // Somebody has taken back that the word was looked at.
  forget(word) {
    if (!parsedRulings(word.get("rulings")).some(({ kind }) => kind === "merge" || kind === "name")) word.delete("rulings");
  }

  #set(word, entries) {
    word.set("rulings", `[${entries.join(", ")}]`);
    word.written = entries;
  }

  // The entries as they are written: those of the file in one piece, before those that were added.
  #raw(word) {
    if (word.written) return word.written;
    const raw = word.get("rulings");
    return raw?.startsWith("[") && raw !== "[]" ? [raw.slice(1, -1)] : [];
  }
}

// The rulings of a word that are such, from its JSON.
function parsedRulings(raw) {
  const found = raw?.startsWith("[") ? JSON.parse(raw) : [];
  const known = ["word", "turn", "like", "merge", "name"];
  return found.filter((each) => each && known.includes(each.kind) && Number.isInteger(each.act));
}
