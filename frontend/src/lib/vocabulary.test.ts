import { expect, test } from "vitest";
import shared from "../../../tests/spf_portrait/contract/unseen_words.json";
import { listed, unseenWords, wordsOf } from "./vocabulary";

test.for(shared.cases)("page and engine agree about “$text”", ({ text, unseen }) => {
  expect(unseenWords(text, new Set(shared.vocabulary))).toEqual(unseen);
});

test("nothing is unseen to a model that knows every word of a text", () => {
  const text = "A woman, in a hat2 of 1920: a café";
  expect(unseenWords(text, new Set(wordsOf(text)))).toEqual([]);
});

test("a long list is cut", () => {
  const words = Array.from({ length: 14 }, (_, number) => `word${number}`);
  expect(listed(words)).toMatch(/word11 and 2 more$/);
  expect(listed(words.slice(0, 2))).toBe("word0, word1");
});
