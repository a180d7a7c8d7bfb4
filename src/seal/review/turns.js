"use strict";
// The conversation as it stands on the page: turns, their words, and what is to be seen of each.
class Turns {
  // `list` is the element that they are in; `isChosen` says of a place whether it is chosen.
  constructor(talk, list, isChosen) {
    this.talk = talk;
    this.list = list;
    this.isChosen = isChosen;
    this.shown = []; // {first, last, element}, in order
  }

  drawAll() {
    this.shown = this.talk.turns().map(([first, last]) => this.#turn(first, last));
    this.list.replaceChildren(...this.shown.map((turn) => turn.element));
  }

  // Draw again the turns about some places, no others.
  redraw(places) {
    const { shown, talk } = this;
    const low = Math.max(0, Math.min(...places) - 1);
    const high = Math.min(talk.words.length - 1, Math.max(...places) + 1);
    const from = shown.findIndex((turn) => turn.last >= low);
    let to = from;
    while (to + 1 < shown.length && shown[to].last < high) to++;
    const made = talk.turns(shown[from].first, shown[to].last).map(([first, last]) => this.#turn(first, last));
    shown[from].element.before(...made.map((turn) => turn.element));
    for (const turn of shown.slice(from, to + 1)) turn.element.remove();
    shown.splice(from, to + 1 - from, ...made);
  }

  // The first place of the turn so many turns on; undefined beyond the ends.
  by(place, step) {
    return this.shown[this.shown.findIndex((turn) => turn.last >= place) + step]?.first;
  }

  #turn(first, last) {
    const { talk } = this;
    const who = talk.speaker[first];
    const element = document.createElement("section");
    element.className = "turn";
    element.style.setProperty("--who", colour(who));
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", `${talk.names[who]}, ${clock(talk.words[first].start)}`);
    const title = document.createElement("h2");
    const name = document.createElement("span");
    name.textContent = talk.names[who];
    title.title = talk.names[who];
    title.setAttribute("role", "presentation"); // a listbox has groups and options; the group is named
    title.dataset.first = first;
    const time = document.createElement("time");
    time.textContent = clock(talk.words[first].start);
    title.append(name, time);
    const text = document.createElement("p");
    let why = new Set(); // what spoke most for the words of a run
    for (let place = first; place <= last; place++) {
      text.append(this.#word(place));
      // A run of words that were another's is told once, at its end.
      const runs = place < last && talk.changed(place + 1) && talk.first[place + 1] === talk.first[place];
      if (talk.changed(place)) talk.by(place).slice(0, 1).forEach((reason) => why.add(reason));
      if (talk.changed(place) && !runs) {
        const was = document.createElement("span");
        was.className = "was";
        was.setAttribute("aria-hidden", "true");
        was.style.setProperty("--former", colour(talk.first[place]));
        was.textContent = `was ${talk.names[talk.first[place]]}${why.size ? ` (${[...why].join(", ")})` : ""}`;
        text.append(was);
        why = new Set();
      }
      text.append(place < last ? gap(talk.text[place], talk.text[place + 1]) : " ");
    }
    element.append(title, text);
    return { first, last, element };
  }

  #word(place) {
    const { talk } = this;
    const span = document.createElement("span");
    const [certainty, changed, before] = [talk.certainty(place), talk.changed(place), talk.before(place)];
    span.className = "w";
    span.id = `w${place}`;
    span.setAttribute("role", "option");
    span.textContent = talk.text[place];
    span.classList.toggle("changed", changed);
    span.classList.toggle("reviewed", talk.reviewed[place]);
    span.classList.toggle("written", before !== null);
    span.style.setProperty("--doubt", Math.min(60, Math.round(Math.max(0, 0.95 - certainty) * 90))); // more would be hard to read in the dark
    span.style.setProperty("--former", colour(talk.first[place]));
    const notes = [];
    if (changed) notes.push(`was ${talk.names[talk.first[place]]}${by(talk.by(place))}`);
    if (before !== null) notes.push(`written by hand for “${before}”`);
    if (certainty < 1) notes.push(`${Math.round(certainty * 100)} % sure whose word it is`);
    if (talk.reviewed[place]) notes.push("looked at");
    span.title = notes.join(", ");
    span.setAttribute("aria-label", [talk.text[place], ...notes].join(", "));
    span.setAttribute("aria-selected", String(this.isChosen(place)));
    span.classList.toggle("chosen", this.isChosen(place));
    return span;
  }
}

// What spoke for the speaker of a changed word, the strongest first, behind whose it was.
function by(reasons) {
  const said = { text: "the words", voice: "the voice", scores: "the first pass’s scores" };
  return reasons.length ? `, changed by ${reasons.map((one) => said[one]).join(" and ")}` : "";
}

// The colour of a speaker in page.css.
function colour(who) {
  return `var(--s${(who % 9) + 1})`;
}

function clock(time) {
  const [hours, minutes, seconds] = [time / 3600, (time / 60) % 60, time % 60].map(Math.floor);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
