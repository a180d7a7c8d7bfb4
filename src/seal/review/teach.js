"use strict";
// What follows from what was decided: proposals to accept or leave, the next question, names, and
// voices to be made one. The server says it (`seal.teaching`); here it is shown and asked for.
class Teaching {
  // `actions`: {choose(first, last), give(note, places, names), join(one, other), rename(speaker, name),
  // hear(from, to), tell(text)}; `edits` gives what was decided.
  constructor(section, edits, actions) {
    Object.assign(this, { section, edits, actions, latest: 0, asking: null, answer: null, left: new Set() });
    this.list = section.querySelector("ul");
    this.state = section.querySelector("p");
  }

  // Ask anew, after each ruling. One question is on its way at a time, and only the answer to the
  // latest is shown.
  async ask() {
    const number = ++this.latest;
    this.#say(this.answer ? "Deciding…" : "Reading the conversation once…");
    if (this.asking) return this.asking;
    this.asking = this.#asked(number);
    await this.asking;
    this.asking = null;
    if (number !== this.latest) await this.ask();
  }

  async #asked(number) {
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch("teach", { method: "POST", body: JSON.stringify(this.edits()), headers });
      const found = await answer.json();
      if (number !== this.latest) return;
      if (!answer.ok) throw new Error(found.error ?? answer.statusText);
      this.answer = found;
      this.draw();
    } catch (error) {
      if (number === this.latest) this.#say(`nothing follows: ${error.message}`);
    }
  }

  get proposals() {
    return (this.answer?.proposals ?? []).filter((one) => !this.left.has(Teaching.#mark(one)));
  }

  draw() {
    const items = [];
    const found = this.proposals;
    const all = found.reduce((sum, one) => sum + one.words.length, 0);
    this.#say(all ? `${all} more ${all === 1 ? "word" : "words"} like this` : "Nothing else follows from this.");
    for (const id of ["follow", "leave"]) this.section.querySelector(`#${id}`).disabled = !found.length;
    for (const one of found) {
      const count = `${one.words.length} ${one.words.length === 1 ? "word" : "words"} from ${one.before} to ${one.after}, by ${one.why}`;
      items.push(this.#item(`${count} · ${clock(one.start)} “${one.quote}”`, [
        ["Accept", () => this.accept([one])],
        ["Leave", () => this.leave([one])],
        ["Show", () => this.actions.choose(one.words[0], one.words[0])],
      ]));
    }
    const { question, names = [], pairs = [] } = this.answer ?? {};
    if (question) {
      items.push(this.#item(`To ask next: who says “${question.quote}” at ${clock(question.start)}? It settles about ${Math.round(question.settles)}.`, []));
    }
    for (const one of names) {
      items.push(this.#item(`${one.speaker} may be ${one.name}: “${one.quote}” at ${clock(one.start)}`, [
        [`Call ${one.speaker} ${one.name}`, () => this.actions.rename(one.speaker, one.name)],
        ["Show", () => this.actions.choose(one.word, one.word)],
      ]));
    }
    for (const { one, other, likeness, hear, words } of pairs) {
      const two = one === other;
      const text = two ? `${one} sounds like two people (${likeness})` : `${one} and ${other} sound like one (${likeness})`;
      const play = hear.map(([from, to], side) =>
        [`Hear ${two ? (side ? "the other" : "one") : side ? other : one}`, () => this.actions.hear(from, to, words[side])]);
      items.push(this.#item(text, two ? play : [...play, [`${one} is ${other}`, () => this.actions.join(one, other)]]));
    }
    this.list.replaceChildren(...items);
  }

  accept(some = this.proposals) {
    if (!some.length) return this.actions.tell("Nothing is proposed.");
    const names = new Map(some.flatMap((one) => one.words.map((place) => [place, one.after])));
    this.actions.give(`${names.size} ${names.size === 1 ? "word" : "words"} accepted`, [...names.keys()].sort((a, b) => a - b), names);
  }

  leave(some = this.proposals) {
    for (const one of some) this.left.add(Teaching.#mark(one));
    this.draw();
  }

  // Choose the words of the next question, and play them: a digit or A answers.
  next() {
    const question = this.answer?.question;
    if (!this.answer) return this.ask().then(() => this.answer?.question && this.next());
    if (!question) return this.actions.tell("Nothing is left to ask.");
    this.actions.choose(question.words[0], question.words.at(-1));
    this.actions.hear(question.start, question.end, question.words);
    this.actions.tell(`Who says this? A speaker's number answers, A says that it is right. It settles about ${Math.round(question.settles)}.`);
  }

  #say(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  #item(text, buttons) {
    const item = document.createElement("li");
    const said = document.createElement("span");
    said.textContent = text;
    item.append(said);
    for (const [name, act] of buttons) {
      const button = document.createElement("button");
      button.textContent = name;
      button.addEventListener("click", act);
      item.append(button);
    }
    return item;
  }

  static #mark({ before, after, words }) {
    return JSON.stringify([before, after, words]);
  }
}
