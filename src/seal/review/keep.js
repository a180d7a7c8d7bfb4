"use strict";
// Where the edits go: to the server that saves and exports them, or into files that are downloaded.
class Gone extends Error {}

class Keeping {
  // `tell` says something, `trouble` what did not work, `kept` that the edits are saved.
  constructor(data, talk, { tell, trouble, kept }) {
    Object.assign(this, { data, talk, tell, trouble, kept, saving: false });
  }

  async save() {
    if (this.saving) return;
    this.saving = true;
    const { data, talk } = this;
    try {
      const mark = talk.mark();
      if (data.save) data.save = (await (await this.#ask("PUT", data.save)).json()).save;
      else this.#download([talk.file(data.transcript, data.indices)], data.download);
      talk.saved(mark);
      this.kept();
      this.tell(data.save ? "Saved." : `Downloaded: ${data.download}. Keep it: this page stays as it was.`);
    } catch (error) {
      this.trouble(`not saved: ${error.message}`);
    } finally {
      this.saving = false;
    }
  }

  async export(kind) {
    try {
      let name;
      const answer = this.data.save && await this.#ask("POST", `export/${encodeURIComponent(kind)}`).catch((error) => {
        if (!(error instanceof Gone) || !EXPORTS[kind]) throw error; // the page makes these itself
      });
      if (answer) {
        name = decodeURIComponent(answer.headers.get("X-Name"));
        this.#download([await answer.blob()], name);
      } else {
        const made = EXPORTS[kind](this.talk.spoken(), this.data.asides);
        name = this.#stem() + { otter: ".txt", srt: ".srt", docx: ".docx" }[kind];
        this.#download(typeof made === "string" ? [made] : made, name);
      }
      this.tell(`Exported: ${name}`);
    } catch (error) {
      this.trouble(`not exported: ${error.message}`);
    }
  }

  #stem() {
    return this.data.title.replace(/\.\w+$/, "");
  }

  async #ask(method, url) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(url, { method, body: JSON.stringify(this.talk.edits()), headers }).catch(() => {
      throw new Gone("the program behind this page has ended. Export text, subtitles or a Word document to keep your work");
    });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
    return answer;
  }

  #download(parts, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
}
