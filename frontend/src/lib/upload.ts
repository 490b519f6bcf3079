/** Files for a caption set, as they were dropped or chosen, folders included. */
import { fromEvent, type FileWithPath } from "file-selector";

const WANTED = /\.(png|jpe?g|webp|csv|jsonl|txt|caption|zip)$/i;
const LONGEST_NAME = 100;

export interface Chosen {
  /** every file by its whole place, for the set's name */
  named: { name: string }[];
  /** what is sent, each under its place in the folder that was chosen */
  files: { name: string; file: File }[];
  /** names of what is not sent, because it is neither picture nor caption */
  others: string[];
}

/** Read a drop or a choice; folders are read to their last file. */
export async function chosenFiles(event: Event): Promise<Chosen> {
  const found = (await fromEvent(event)).filter((one): one is FileWithPath => one instanceof File);
  const named = found.map((file) => ({ name: (file.path || file.name).replace(/^\.?\//, ""), file }));
  return { named, ...sorted(named) };
}

/** Part what is wanted from the rest; one folder around everything says nothing and is left off. */
export function sorted<F>(found: readonly { name: string; file: F }[]): { files: { name: string; file: F }[]; others: string[] } {
  const wanted = found.filter(({ name }) => WANTED.test(name));
  const folders = new Set(wanted.map(({ name }) => (name.includes("/") ? name.slice(0, name.indexOf("/") + 1) : "")));
  const around = folders.size === 1 ? ([...folders][0] ?? "") : "";
  return {
    files: wanted.map(({ name, file }) => ({ name: name.slice(around.length), file })),
    others: found.filter(({ name }) => !WANTED.test(name)).map(({ name }) => name),
  };
}

/** A name for the set: its folder's or its zip's, or that of the first file. */
export function setName(found: readonly { name: string }[]): string {
  const names = found.map(({ name }) => name);
  const archive = names.find((name) => /\.zip$/i.test(name));
  const folder = names[0]?.includes("/") ? names[0].split("/")[0] : undefined;
  const name = archive?.replace(/\.zip$/i, "") ?? folder ?? `${names.length} files, ${names[0] ?? ""}`;
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}

/** Which of several files is being sent when so many bytes of them all are gone. */
export function inTransit(sizes: readonly number[], sent: number): number {
  let before = 0;
  const at = sizes.findIndex((size) => (before += size) > sent);
  return at === -1 ? sizes.length : at;
}
