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
type HeaderValues<O> = O extends { parameters: { header?: infer V } } ? { headers?: V } : object;
type Options<O> = Body<O> & PathValues<O> & QueryValues<O> & HeaderValues<O>;

interface AnyOptions {
  body?: unknown;
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  headers?: Record<string, string>;
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
  const headers = { Accept: "application/json", ...options.headers };
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const text = await ask(address(path, options), {
    method: method.toUpperCase(),
    headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
  return (text ? JSON.parse(text) : undefined) as Answer<Operation<M, P>>;
}

/** Read a job's log, the one answer that is plain text. */
export function readLog(job: string): Promise<string> {
  return ask(`/api/v1/jobs/${encodeURIComponent(job)}/log`, { headers: { Accept: "text/plain, application/problem+json" } });
}

async function ask(where: string, request: RequestInit): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(where, request);
    text = await response.text();
  } catch {
    throw Problem.unreachable();
  }
  noteStatus(response.status);
  if (!response.ok) throw Problem.read(response.status, text);
  return text;
}
