// The narration: which word is spoken now, and from which word to go on. The server has marked every spoken word.
import { el } from "./elements.js";

const TOKEN = /<(\/?)p>|<span data-start="([\d.]+)" data-end="([\d.]+)">([^<]*)<\/span>|([^<]+)/g;
const SIGNS = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#39;": "'", "&amp;": "&" };
const plain = (text) => text.replace(/&(?:lt|gt|quot|amp|#x27|#39);/g, (sign) => SIGNS[sign]);

/** A page's marked words as paragraphs. What is made is text in elements of ours, whatever stands in it. */
export function paragraphs(block, words) {
  const made = [];
  for (const [, close, start, end, word, gap] of block.matchAll(TOKEN)) {
    if (close === "") made.push(el("p"));
    if (word !== undefined) {
      const span = el("span", {}, plain(word));
      words.push({ start: Number(start), end: Number(end), span });
      made.at(-1)?.append(span);
    } else if (gap !== undefined) made.at(-1)?.append(plain(gap));
  }
  return made;
}

/** The last word that has begun at a time, for as long as no other begins; -1 before the first. ``words`` in order. */
export function wordAt(words, seconds) {
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start <= seconds) low = middle + 1; else high = middle;
  }
  return low - 1;
}

export class Narration {
  /** ``words``: {start, end, span, page}, in order. ``onpage`` is told on which page the voice is. */
  constructor(audio, words, { onpage, onstate, offset }) {
    Object.assign(this, { audio, words, onpage, onstate, offset, lit: -1, frame: 0 });
    for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, () => { onstate(!audio.paused); this.follow(); });
    audio.addEventListener("seeked", () => this.show());
    words.forEach((word, place) => word.span.addEventListener("click", () => this.from(place)));
  }
  get playing() { return !this.audio.paused; }
  /** Light the word that is heard now: the sound comes ``offset`` milliseconds later than the clock says. */
  show() {
    const heard = this.audio.currentTime - this.offset() / 1000, now = wordAt(this.words, heard);
    const silent = this.audio.ended || (this.audio.paused && this.audio.currentTime === 0);
    const place = silent || (now >= 0 && heard > this.words[now].end + 1.5) ? -1 : now;
    if (place === this.lit) return;
    this.words[this.lit]?.span.classList.remove("lit");
    this.words[place]?.span.classList.add("lit");
    if (place >= 0 && this.playing && this.words[place].page === this.words[this.lit]?.page) this.words[place].span.scrollIntoView({ block: "nearest", behavior: "smooth" });
    if (place >= 0 && this.playing && this.words[place].page !== this.words[this.lit]?.page) this.onpage(this.words[place].page);
    this.lit = place;
  }
  follow() {
    cancelAnimationFrame(this.frame);
    const step = () => { this.show(); if (this.playing) this.frame = requestAnimationFrame(step); };
    step();
  }
  from(place) {
    this.audio.currentTime = this.words[place].start;
    return this.audio.play();
  }
  /** A sentence on or back, for hands that cannot point at a word. */
  skip(step) {
    const ends = (place) => place < 0 || /[.!?…。！？؟][”"’»)\]]*$/.test(this.words[place].span.textContent);
    let place = Math.max(0, wordAt(this.words, this.audio.currentTime)) + (step < 0 ? -2 : 1);
    while (place > 0 && place < this.words.length && !ends(place - 1)) place += step;
    if (place < this.words.length) return this.from(Math.max(0, place));
  }
}
