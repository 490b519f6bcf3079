/** Corrections to captions, each kept here until the studio has it: neither scrolling nor a lost connection loses one. */
import { call } from "../api/client";
import { Problem } from "../api/problem";
import type { Dataset, Item } from "../api/types";
import { beside, splitPhrases } from "./phrases";
import { datasetQuery } from "./queries";
import { changed, mayPass, server } from "./server";

const AGAIN_MS = 2000;
/** Somebody else has taken the portrait out, or deleted the set. */
const GONE = 404;

interface DraftPhrase {
  /** the same for as long as the phrase is there, whatever happens to those before it */
  id: number;
  text: string;
}

let lastId = 0;
const phrase = (text: string): DraftPhrase => ({ id: (lastId += 1), text });
const texts = (phrases: readonly DraftPhrase[]) => phrases.map(({ text }) => text);
const same = (one: readonly string[], other: readonly string[]) => one.join("\n") === other.join("\n");

const NO_TARGET = new Problem("This caption has no target yet.", "Type the target phrase into the target field: the correction waits for it.", "no_target", 0);

/** One caption as it is typed. */
export class ItemDraft {
  base = $state.raw<DraftPhrase[]>([]);
  target = $state<string | null>(null);
  problem = $state.raw<Problem>();
  /** The studio does not have it yet. */
  unsaved = $state(false);
  #saving = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly setId: string,
    readonly itemId: string,
    item: Item,
  ) {
    this.take(item);
  }

  /** What the studio has, unless something newer is typed here. Phrases that stay keep their fields. */
  take(item: Item): void {
    if (this.unsaved || (same(texts(this.base), item.base) && this.target === item.target)) return;
    this.base = item.base.map((text, index) => (this.base[index]?.text === text ? this.base[index] : phrase(text)));
    this.target = item.target;
  }

  /** Put other phrases in the place of one; none takes it out. */
  replace(id: number, text: string): void {
    const [first, ...rest] = splitPhrases(text);
    this.#edit(this.base.flatMap((one) => (one.id !== id ? [one] : first === undefined ? [] : [{ id, text: first }, ...rest.map(phrase)])));
  }

  add(text: string): void {
    this.#edit([...this.base, ...splitPhrases(text).map(phrase)]);
  }

  teach(target: string): void {
    this.#edit(this.base, target);
  }

  #edit(base: DraftPhrase[], target = this.target): void {
    this.base = base;
    this.target = target;
    this.unsaved = true;
    void this.save();
  }

  /** Send what is typed, and once more what was typed meanwhile. */
  async save(): Promise<void> {
    clearTimeout(this.#again);
    if (this.#saving) return;
    const target = this.target;
    if (target === null) {
      this.problem = NO_TARGET;
      return;
    }
    this.#saving = true;
    const sent = { base: beside(texts(this.base), target), target };
    try {
      const path = { dataset_id: this.setId, item_id: this.itemId };
      const item = await call("patch", "/api/v1/datasets/{dataset_id}/items/{item_id}", { path, body: sent });
      this.#saved(item, sent);
    } catch (cause) {
      this.problem = Problem.of(cause);
      if (this.problem.status === GONE) forget(this);
      else if (mayPass(cause)) this.#again = setTimeout(() => void this.save(), AGAIN_MS);
    } finally {
      this.#saving = false;
    }
  }

  #saved(item: Item, sent: { base: string[]; target: string }): void {
    this.problem = undefined;
    if (this.target === sent.target && same(beside(texts(this.base), sent.target), sent.base)) {
      this.unsaved = false;
      this.take(item);
    } else {
      this.#again = setTimeout(() => void this.save());
    }
    const key = datasetQuery(this.setId).queryKey;
    server.setQueryData<Dataset>(key, (set) => set && { ...set, items: set.items.map((one) => (one.id === item.id ? item : one)) });
    changed("datasets", "trainings");
  }
}

const drafts = new Map<string, ItemDraft>();

/** The draft of an item; one that is not saved yet outlives the card that shows it. */
export function draftOf(setId: string, item: Item): ItemDraft {
  const known = drafts.get(item.id) ?? new ItemDraft(setId, item.id, item);
  drafts.set(item.id, known);
  return known;
}

/** Forget a draft whose card is gone, if the studio has what it says. */
export function settle(draft: ItemDraft): void {
  if (!draft.unsaved) drafts.delete(draft.itemId);
}

/** Forget a draft whose item was taken out. */
export function forget(draft: ItemDraft): void {
  draft.unsaved = false;
  drafts.delete(draft.itemId);
}

addEventListener("beforeunload", (event) => {
  if ([...drafts.values()].some((draft) => draft.unsaved)) event.preventDefault();
});
