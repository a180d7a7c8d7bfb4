"use strict";
// Known voices: names that are offered, to be given by a button, and a voice that is remembered once
// somebody says that the person agrees. The server hears (`seal.review.known`).
class Known {
  // `edits` gives what was decided; `actions`: {rename(speaker, name), tell(text)}.
  constructor(section, library, edits, actions) {
    Object.assign(this, { section, library, edits, actions, offers: [], names: [] });
    const part = (selector) => section.querySelector(selector);
    Object.assign(this, { list: part("ul"), state: part("p"), whose: part("select"), consent: part("input"), button: part("#remember") });
    this.whose.addEventListener("change", () => this.#asks());
    this.consent.addEventListener("change", () => { this.button.disabled = !this.consent.checked; });
    this.button.addEventListener("click", () => this.remember());
  }

  // Who is there to be remembered, and to be called otherwise.
  speakers(names) {
    const chosen = this.whose.value;
    this.names = names;
    this.whose.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
    if (this.whose.value !== chosen || !chosen) this.#asks();
    this.draw();
  }

  // Whom do they sound like?
  async ask() {
    this.state.textContent = "Listening for known voices…";
    try {
      this.offers = await this.#post("known", this.edits());
      this.state.textContent = this.offers.length ? "Nobody is called so before you say it." : "Nobody of them is known by voice.";
    } catch (error) {
      this.state.textContent = `not heard: ${error.message}`;
    }
    this.draw();
  }

  draw() {
    // A name that somebody here has by now is not offered.
    const open = this.offers.filter(({ speaker, name }) => this.names.includes(speaker) && !this.names.includes(name));
    this.list.replaceChildren(...open.map(({ speaker, name, probability }) => {
      const item = document.createElement("li");
      const said = document.createElement("span");
      said.textContent = `${speaker} sounds like ${name} (${probability.toFixed(2)})`;
      const button = document.createElement("button");
      button.textContent = `Call ${speaker} ${name}`;
      button.addEventListener("click", () => this.actions.rename(speaker, name));
      item.append(said, button);
      return item;
    }));
  }

  async remember() {
    if (!this.consent.checked || !this.whose.value) return;
    const speaker = this.whose.value;
    this.button.disabled = true;
    this.state.textContent = `Listening to ${speaker}…`;
    try {
      const { told } = await this.#post("remember", { edits: this.edits(), speaker, consent: true });
      this.state.textContent = told;
    } catch (error) {
      this.state.textContent = `not remembered: ${error.message}`;
    }
    this.#asks();
  }

  // Each voice is asked for anew.
  #asks() {
    this.consent.checked = false;
    this.button.disabled = true;
    this.section.querySelector("label span").textContent = `${this.whose.value} agrees that this voice is kept in ${this.library}`;
  }

  async #post(address, value) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(address, { method: "POST", body: JSON.stringify(value), headers });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error ?? answer.statusText);
    return found;
  }
}
