/** The one door to the studio. Paths, parameters, bodies and answers are checked against its OpenAPI document. */
import { Problem } from "./problem";
import { noteStatus } from "./signedOut";
import type { paths } from "./schema";

type Method = "get" | "post" | "patch" | "delete";
type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<M extends Method, P extends keyof paths> = paths[P] extends Record<M, infer O> ? O : never;

type Json<R> = R extends { content: { "application/json": infer T } } ? T : never;
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202)]> : never;
type Body<O> = O extends { requestBody: { content: { "application/json": infer T } } } ? { body: T } : object;
type PathValues<O> = O extends { parameters: { path: infer V } } ? { path: V } : object;
type QueryValues<O> = O extends { parameters: { query?: infer V } } ? { query?: V } : object;
type Options<O> = Body<O> & PathValues<O> & QueryValues<O>;

interface AnyOptions {
  body?: unknown;
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
}

function address(path: string, options: AnyOptions): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(options.path?.[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, String(one));
    }
  }
  return query.size ? `${filled}?${query}` : filled;
}

/** Ask the studio. Throws `Problem`, never anything else, when the answer is not a success. */
export async function call<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  ...given: object extends Options<Operation<M, P>> ? [Options<Operation<M, P>>?] : [Options<Operation<M, P>>]
): Promise<Answer<Operation<M, P>>> {
  const options = (given[0] ?? {}) as AnyOptions;
  const request: RequestInit = { method: method.toUpperCase(), headers: { Accept: "application/json" } };
  if (options.body !== undefined) {
    request.body = JSON.stringify(options.body);
    request.headers = { Accept: "application/json", "Content-Type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(address(path, options), request);
  } catch {
    throw Problem.unreachable();
  }
  noteStatus(response.status);
  const text = await response.text();
  if (!response.ok) throw Problem.read(response.status, text);
  return (text ? JSON.parse(text) : undefined) as Answer<Operation<M, P>>;
}
