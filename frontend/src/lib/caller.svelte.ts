/** Who uses the page: the one user of a studio without keys, or whoever signed in with a key. */
import { call } from "../api/client";
import { whenSignedOut } from "../api/signedOut";
import type { Caller } from "../api/types";

let known = $state.raw<Caller>();
let out = $state(false);
let asked = $state(false);

whenSignedOut(() => (out = true));

/** The caller, once the studio has said who it is. */
export function caller(): Caller | undefined {
  return known;
}

/** A key is needed before anything can be shown. */
export function signedOut(): boolean {
  return out;
}

/** The studio has answered, or does not answer, which the pages tell better. */
export function answered(): boolean {
  return asked;
}

export async function askWho(): Promise<void> {
  try {
    known = await call("get", "/api/v1/session");
  } catch {
    // a 401 has been noted, and anything else happens to the pages, too
  }
  asked = true;
}

export async function signIn(key: string): Promise<void> {
  await call("post", "/api/v1/session", { body: { key } });
  startAnew();
}

export async function signOut(): Promise<void> {
  await call("delete", "/api/v1/session");
  location.hash = "#/";
  startAnew();
}

/** Nothing that the page remembers may pass from one caller to the next. */
function startAnew(): void {
  location.reload();
}
