"use strict";
// Scripts that are written without spaces between words, as `seal.unspaced` knows them.
const DENSE = "\\u0e00-\\u0eff\\u1000-\\u109f\\uaa60-\\uaa7f\\ua9e0-\\ua9ff\\u1780-\\u17ff"
  + "\\u3005-\\u3007\\u3040-\\u312f\\u31a0-\\u31bf\\u31f0-\\u31ff\\uff66-\\uff9f"
  + "\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const WIDE = "\\u2e80-\\u2e9f\\u3001-\\u3004\\u3008-\\u303f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65";
const [DENSE_LETTER, WIDE_START, WIDE_END] = [`^[${DENSE}]`, `^[${WIDE}]`, `[${WIDE}]$`].map((one) => new RegExp(one, "u"));
const EAST = /[\u3005-\u312f\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u;
const LETTER = new RegExp(`[\\p{L}\\p{N}${DENSE}]`, "u");

// What stands between two words in a text: a space, or nothing.
function gap(before, after) {
  if (/^[\x00-\x7f]*$/.test(before + after)) return " ";
  if (WIDE_END.test(before) || WIDE_START.test(after)) return "";
  const [last, first] = [[...before].reverse(), [...after]].map((letters) => letters.find((one) => LETTER.test(one)) ?? "");
  const dense = [last, first].map((letter) => DENSE_LETTER.test(letter));
  if (dense[0] && dense[1]) return "";
  const number = /^\p{Nd}$/u.test(last) || /^\p{Nd}$/u.test(first);
  return number && (EAST.test(last) || EAST.test(first)) ? "" : " ";
}

const TWICE = /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/gu;

// How wide a text is, in letters: those that are as wide as a Chinese character count twice.
const columns = (text) => [...text].length + (text.match(TWICE)?.length ?? 0);

const joinedWords = (texts) => texts.reduce((text, word, place) => text + (place ? gap(texts[place - 1], word) : "") + word, "");
