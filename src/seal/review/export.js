"use strict";
// What people take from a page that has no server: the conversation as text, as subtitles and as a
// Word document, as `seal.formats` writes them (otter, srt, docx). It knows nothing of the page.
const TURN_PAUSE = 1.5; // seconds of silence after which a new turn begins
// What somebody says at once with others ends at such a silence, or after so long; words that touch
// were said one after another. In seconds.
const [BREATH, LONGEST, TOUCHING] = [0.5, 10, 0.01];
const CUE = { width: 42, lines: 2, shortest: 1, longest: 7 }; // letters, lines, seconds

const EXPORTS = {
  otter: (words) => spokenTurns(words).map((turn) => `${turn[0].speaker}  ${clock(turn[0].start)}\n${said(turn)}\n`).join("\n"),
  srt: (words, asides) => {
    const label = labelOf(words, asides);
    return subtitles(words, label).map(({ start, end, lines }, place) =>
      `${place + 1}\n${subtitleTime(start)} --> ${subtitleTime(end)}\n${label(lines[0][0].speaker)}${lines.map(said).join("\n")}\n`).join("\n");
  },
  docx: (words) => zipped(wordDocument(words)),
};

// The words as they are read: where people talk at once, what each says stands whole.
function unbroken(words) {
  const [latest, begun] = [new Map(), []];
  const goesOn = (first, before, place) => {
    const [one, other] = [words[before], words[place]];
    const [low, high] = [one.end - TOUCHING, other.start + TOUCHING];
    return !one.estimated && !other.estimated && !stops(one.text) && other.start - one.end < BREATH
      && other.start - words[first].start < LONGEST
      && words.slice(before + 1, place).every((between) => low > between.start || between.end > high);
  };
  words.forEach((word, place) => {
    const before = latest.get(word.speaker);
    begun.push(before !== undefined && goesOn(begun[before], before, place) ? begun[before] : place);
    latest.set(word.speaker, place);
  });
  return [...words.keys()].sort((one, other) => begun[one] - begun[other]).map((place) => words[place]);
}

function spokenTurns(words) {
  const found = [];
  for (const word of unbroken(words)) {
    const turn = found[found.length - 1];
    const last = turn?.[turn.length - 1];
    if (last && last.speaker === word.speaker && word.start - last.end <= TURN_PAUSE) turn.push(word);
    else found.push([word]);
  }
  return found;
}

const said = (words) => joinedWords(words.map((word) => word.text));

// ---- subtitles
// "Ann: " where every name is read as one there, else "[Ann]: ". `asides` are words that come before
// a colon in speech.
function labelOf(words, asides) {
  const plain = [...new Set(words.map((word) => word.speaker))].every((name) => {
    const parts = name.split(" ");
    const short = parts.length === 1 || (parts.length === 2 && /^(speaker|spk|channel)$/i.test(parts[0]));
    return /^[^\s[\]():<>,.?!;"][^[\]:<>,?!;"\n]{0,39}$/u.test(name) && /[\p{L}\p{N}]/u.test(name)
      && !asides.includes(name.toLowerCase()) && (short || (parts.length <= 4 && parts.every((part) => !/^\p{Ll}/u.test(part))));
  });
  return (name) => (plain ? `${name}: ` : `[${name}]: `);
}

function subtitles(words, label) {
  const cues = [];
  for (const turn of spokenTurns(words)) {
    const room = columns(label(turn[0].speaker));
    for (const part of cueParts(turn, room)) {
      cues.push({ start: part[0].start, end: Math.max(...part.map((word) => word.end)), lines: cueLines(part, room) ?? [part] });
    }
  }
  cues.sort((one, other) => one.start - other.start);
  return joined(lengthened(cues), label);
}

// The cues, the short ones longer: into the free time after them, then into that before.
function lengthened(cues) {
  let free = 0;
  return cues.map(({ start, end, lines }, place) => {
    if (end - start < CUE.shortest) {
      end = Math.max(end, Math.min(start + CUE.shortest, cues[place + 1]?.start ?? Infinity));
      start = Math.min(start, Math.max(end - CUE.shortest, free));
    }
    [start, end] = [start, end].map((time) => Math.round(time * 1000) / 1000);
    free = Math.max(free, end);
    return { start, end, lines };
  });
}

// The cues, those that are still too short with a neighbour of the same speaker in one.
function joined(cues, label) {
  const found = [];
  for (const cue of cues) {
    const last = found[found.length - 1];
    const { speaker } = cue.lines[0][0];
    if (last && Math.min(last.end - last.start, cue.end - cue.start) < CUE.shortest - 0.001
        && last.lines[0][0].speaker === speaker) {
      const both = [...last.lines, ...cue.lines].flat();
      const room = columns(label(speaker));
      const end = Math.max(last.end, cue.end);
      if (end - last.start <= CUE.longest && cueFits(both, room)) {
        found[found.length - 1] = { start: last.start, end, lines: cueLines(both, room) ?? [both] };
        continue;
      }
    }
    found.push(cue);
  }
  return found;
}

// A turn in cues at the least cost, which is the sum of theirs.
function cueParts(turn, room) {
  const best = [[0, 0]];
  for (let last = 1; last <= turn.length; last++) {
    let least = [Infinity, 0];
    for (let first = last - 1; first >= 0; first--) {
      const part = turn.slice(first, last);
      if (first < last - 1 && !cueFits(part, room)) break;
      const cost = best[first][0] + cueCost(part, last === turn.length);
      if (cost < least[0] || (cost === least[0] && first < least[1])) least = [cost, first];
    }
    best.push(least);
  }
  const parts = [];
  for (let last = turn.length; last; last = best[last][1]) parts.unshift(turn.slice(best[last][1], last));
  return parts;
}

const letters = (words) => columns(said(words));
const stops = (text) => /[.?!…。？！]["'”’)\]]*$/u.test(text);
const pauses = (text) => /[,;:–—、，]["'”’)\]]*$/u.test(text);

function cueFits(part, room) {
  return letters(part) + room <= CUE.width * CUE.lines
    && part[part.length - 1].end - part[0].start <= CUE.longest && cueLines(part, room) !== null;
}

// What speaks against a cue: a break in a sentence, a word alone, too short a time.
function cueCost(part, endsTurn) {
  let cost = 1;
  const last = part[part.length - 1].text;
  if (!endsTurn && !stops(last)) cost += pauses(last) ? 1 : 2;
  if (part.length === 1) cost += 6;
  const length = part[part.length - 1].end - part[0].start;
  cost += 4 * (length < CUE.shortest) + 2 * Math.max(CUE.shortest - length, 0);
  return cost + 0.2 * Math.abs(letters(part) / (CUE.width * CUE.lines) - 0.7);
}

// The words in two lines of about one length at most; null where they do not fit.
function cueLines(part, room) {
  const whole = letters(part);
  if (whole + room <= CUE.width) return [part];
  let [best, length] = [null, 0];
  for (let place = 1; place < part.length; place++) {
    length += columns(part[place - 1].text);
    const after = gap(part[place - 1].text, part[place].text).length;
    const [over, under] = [length + room, whole - length - after];
    length += after;
    if (over > CUE.width) break;
    const next = part.slice(place, place + 6);
    if (under > CUE.width || next.some((word) => /[:：]/.test(word.text)) || /^([-‐–—>[(]|&gt;)/.test(next[0].text)) continue;
    const before = part[place - 1].text;
    const cost = Math.abs(over - under) - 6 * stops(before) - 3 * pauses(before);
    if (!best || cost < best[0]) best = [cost, place];
  }
  return best && [part.slice(0, best[1]), part.slice(best[1])];
}

function subtitleTime(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const whole = Math.round(seconds * 1000);
  const [hours, minutes, rest] = [whole / 3600000, (whole / 60000) % 60, (whole / 1000) % 60].map(Math.floor);
  return `${two(hours)}:${two(minutes)}:${two(rest)},${String(whole % 1000).padStart(3, "0")}`;
}

// ---- a Word document: a zip of three files, nothing in it compressed
function wordDocument(words) {
  const marks = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  const plain = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd").replace(/[&<>]/g, (mark) => marks[mark]);
  const run = (look, text) => `<w:r><w:rPr>${look}</w:rPr><w:t xml:space="preserve">${plain(text)}</w:t></w:r>`;
  const paragraphs = spokenTurns(words).map((turn) => `<w:p>${run("<w:b/>", turn[0].speaker)}`
    + `${run('<w:sz w:val="16"/>', `  ${clock(turn[0].start)}`)}<w:r><w:br/></w:r>${run("", said(turn))}</w:p>`);
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const office = "http://schemas.openxmlformats.org";
  return {
    "[Content_Types].xml": `${head}<Types xmlns="${office}/package/2006/content-types">`
      + '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
      + '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": `${head}<Relationships xmlns="${office}/package/2006/relationships">`
      + `<Relationship Id="rId1" Type="${office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
    "word/document.xml": `${head}<w:document xmlns:w="${office}/wordprocessingml/2006/main"><w:body>${paragraphs.join("")}</w:body></w:document>`,
  };
}

function zipped(files) {
  const [parts, directory] = [[], []];
  let [offset, size] = [0, 0];
  for (const [name, text] of Object.entries(files)) {
    const [title, body] = [new TextEncoder().encode(name), new TextEncoder().encode(text)];
    // Version 2.0, names in UTF-8, stored, 1 January 1980.
    const common = numbers([2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc32(body)], [4, body.length], [4, body.length], [2, title.length], [2, 0]);
    const entry = [numbers([4, 0x04034b50]), common, title, body];
    const listed = [numbers([4, 0x02014b50], [2, 20]), common, numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), title];
    parts.push(...entry);
    directory.push(...listed);
    offset += entry.reduce((sum, part) => sum + part.length, 0);
    size += listed.reduce((sum, part) => sum + part.length, 0);
  }
  const count = Object.keys(files).length;
  return [...parts, ...directory, numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0])];
}

// [bytes, number] each, little end first.
function numbers(...fields) {
  return Uint8Array.from(fields.flatMap(([bytes, number]) => Array.from({ length: bytes }, (_, place) => (number >>> (8 * place)) & 255)));
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
