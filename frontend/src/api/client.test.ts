import { afterEach, expect, test, vi } from "vitest";
import { call } from "./client";

afterEach(() => vi.unstubAllGlobals());

test("a filter with several values is repeated, and what is not given is left out", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    return new Response('{"data": [], "next_cursor": null, "has_more": false}');
  });
  await call("get", "/api/v1/jobs", { query: { kind: ["training"], status: ["queued", "running"], cursor: null, limit: 5 } });
  await call("get", "/api/v1/jobs", {});
  expect(asked).toEqual(["/api/v1/jobs?kind=training&status=queued&status=running&limit=5", "/api/v1/jobs"]);
});
