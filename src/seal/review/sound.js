"use strict";
// The recording: its outline, whose voice is where, when that is, and how sure the first pass was of
// each. Only what can be seen is drawn, so a long recording costs no more than a short one.
class Listening {
  constructor(data, conversation, moved) {
    this.conversation = conversation;
    this.seconds = data.sound.seconds;
    this.audio = document.getElementById("audio");
    this.audio.src = data.sound.url;
    this.regions = document.getElementById("regions");
    this.axis = document.getElementById("axis");
    this.strip = document.getElementById("strip");
    this.latest = 0; // the longest word, for the search of the first one in sight
    for (const word of conversation.words) this.latest = Math.max(this.latest, word.end - word.start);
    const bytes = Uint8Array.from(atob(data.peaks), (letter) => letter.charCodeAt(0));
    const peaks = Float32Array.from(bytes, (value) => value / 255);
    document.getElementById("sound").hidden = false;
    document.getElementById("listen").hidden = false;
    this.zoom = this.seconds > 180 ? 12 : 0;
    this.wave = WaveSurfer.create({
      container: "#wave", media: this.audio, peaks: [peaks], duration: this.seconds, height: 84,
      minPxPerSec: this.zoom, normalize: true, hideScrollbar: false, dragToSeek: true, autoScroll: true,
      waveColor: colourOf("--soft"), progressColor: colourOf("--soft"),
      cursorColor: colourOf("--focus"), cursorWidth: 2, barWidth: 2, barGap: 1,
    });
    const draw = () => this.draw();
    for (const event of ["scroll", "redraw", "zoom", "resize"]) this.wave.on(event, draw);
    this.wave.on("interaction", (time) => moved(time, true));
    new ResizeObserver(draw).observe(this.strip);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.wave.setOptions({ waveColor: colourOf("--soft"),
        progressColor: colourOf("--soft"), cursorColor: colourOf("--focus") });
      draw();
    });
    const follow = () => {
      moved(this.audio.currentTime, false);
      if (!this.audio.paused) requestAnimationFrame(follow);
    };
    this.audio.addEventListener("play", follow);
    this.audio.addEventListener("timeupdate", () => this.audio.paused && follow());
  }

  play(from) {
    this.audio.currentTime = from;
    this.audio.play().catch(() => {}); // interrupted by the next word that was clicked
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  pause() {
    this.audio.pause();
  }

  back(seconds) {
    this.audio.currentTime = Math.max(0, this.audio.currentTime - seconds);
    this.show(this.audio.currentTime);
  }

  // Times as fast as it was spoken.
  speed(factor) {
    this.audio.playbackRate = factor;
  }

  closer(factor) {
    const fit = this.strip.clientWidth / this.seconds;
    this.zoom = Math.min(400, Math.max(fit, Math.max(this.zoom, fit) * factor));
    this.wave.zoom(this.zoom);
    this.show(this.audio.currentTime);
  }

  // Bring a moment into sight.
  show(time) {
    const [begin, end] = this.inSight();
    if (time < begin || time > end) {
      this.wave.setScrollTime(Math.max(0, time - (end - begin) / 3));
    }
  }

  inSight() {
    const perSecond = Math.max(this.zoom, this.strip.clientWidth / this.seconds);
    const begin = this.wave.getScroll() / perSecond;
    return [begin, begin + this.strip.clientWidth / perSecond];
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.#draw();
    });
  }

  #draw() {
    const { conversation } = this;
    const lanes = conversation.names.length;
    const lane = Math.max(8, Math.min(16, 64 / lanes));
    this.strip.style.height = `${lanes * lane + 2}px`;
    const [above, along, below] = [this.regions, this.axis, this.strip].map((canvas) => {
      const ratio = devicePixelRatio || 1;
      canvas.width = canvas.clientWidth * ratio;
      canvas.height = canvas.clientHeight * ratio;
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      return context;
    });
    const colours = conversation.names.map((_, who) => colourOf(`--s${(who % 9) + 1}`));
    const [begin, end] = this.inSight();
    const scale = this.strip.clientWidth / (end - begin);
    this.#times(along, begin, end, scale);
    let drawn = -1;
    let region = null; // of one speaker's words, short pauses in it included
    const closed = () => {
      if (!region) return;
      above.fillStyle = colours[region.who];
      above.fillRect(region.left, 0, Math.max(1, region.right - region.left), this.regions.clientHeight);
    };
    above.globalAlpha = 0.28;
    for (let place = firstFrom(conversation.words, begin - this.latest); place < conversation.words.length; place++) {
      const word = conversation.words[place];
      if (word.start > end) break;
      const left = (word.start - begin) * scale;
      const width = Math.max(1, (word.end - word.start) * scale);
      if (left + width < drawn + 0.5) continue; // nothing of it would be seen
      drawn = left + width;
      const who = conversation.speaker[place];
      if (region?.who === who && left - region.right < PAUSE * scale) region.right = Math.max(region.right, drawn);
      else {
        closed();
        region = { who, left, right: drawn };
      }
      for (let other = 0; other < lanes; other++) {
        const share = conversation.scores[place] ? conversation.scores[place][other] : Number(other === who);
        const height = Math.max(other === who ? 1.5 : 0, share * (lane - 2));
        below.globalAlpha = other === who ? 1 : 0.45;
        below.fillStyle = colours[other];
        below.fillRect(left, (other + 1) * lane - height, width, height);
      }
    }
    closed();
  }

  // The axis: a mark and a time at every so many seconds, as dense as they can be read.
  #times(context, begin, end, scale) {
    const step = STEPS.find((seconds) => seconds * scale >= 64) ?? STEPS[STEPS.length - 1];
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillStyle = colourOf("--soft");
    for (let time = Math.ceil(begin / step) * step; time <= end; time += step) {
      const left = (time - begin) * scale;
      const text = step < 1 ? `${clock(time)}.${Math.round((time % 1) * 10)}` : clock(time);
      context.fillRect(left, 0, 1, this.axis.clientHeight);
      if (left + 4 + context.measureText(text).width <= this.axis.clientWidth) context.fillText(text, left + 4, this.axis.clientHeight / 2 + 1);
    }
  }
}

const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200]; // seconds
const PAUSE = 0.5; // seconds of silence that do not end a region

// A colour of page.css as a canvas takes it: light or dark is settled where it is used, not where
// it is set.
function colourOf(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// The first of the words, which are in order of their starts, that starts at that time or later.
function firstFrom(words, time) {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
