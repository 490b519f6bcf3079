import { expect, test } from "vitest";
import { inTransit, setName, sorted } from "./upload";

const found = (...names: string[]) => names.map((name) => ({ name, file: name }));

test("one folder around everything is left off, and other files are named", () => {
  const { files, others } = sorted(found("set/a.png", "set/deep/b.JPG", "set/captions.csv", "set/.DS_Store", "set/notes.docx"));
  expect(files).toEqual([
    { name: "a.png", file: "set/a.png" },
    { name: "deep/b.JPG", file: "set/deep/b.JPG" },
    { name: "captions.csv", file: "set/captions.csv" },
  ]);
  expect(others).toEqual(["set/.DS_Store", "set/notes.docx"]);
});

test("several folders stay apart", () => {
  expect(sorted(found("a/1.png", "b/1.png")).files.map(({ name }) => name)).toEqual(["a/1.png", "b/1.png"]);
  expect(sorted(found("1.png", "b/1.png")).files.map(({ name }) => name)).toEqual(["1.png", "b/1.png"]);
});

test.each([
  [["blonde.zip"], "blonde"],
  [["portraits/a.png", "portraits/a.txt"], "portraits"],
  [["a.png", "a.txt"], "2 files, a.png"],
])("%s is called %s", (names, name) => {
  expect(setName(names.map((one) => ({ name: one })))).toBe(name);
});

test("a long name fits", () => {
  expect(setName([{ name: `${"x".repeat(200)}.png` }]).length).toBeLessThanOrEqual(101);
});

test("the file that is being sent", () => {
  const sizes = [10, 20, 30];
  expect([0, 9, 10, 29, 30, 60].map((sent) => inTransit(sizes, sent))).toEqual([0, 0, 1, 1, 2, 3]);
});
