import { expect, test } from "vitest";
import { purpose, reachInWords } from "./adapterFiles";

const ALL = ["diffusers", "comfyui", "a1111", "invokeai"];

test("the tools are named, and what limits them", () => {
  expect(reachInWords({ loads_in: ALL, loads_in_reason: null })).toBe(
    "Loads in diffusers, ComfyUI, AUTOMATIC1111 and InvokeAI.",
  );
  expect(reachInWords({ loads_in: ["diffusers"], loads_in_reason: "its text is narrow" })).toBe(
    "Loads in diffusers only: its text is narrow.",
  );
  expect(reachInWords({ loads_in: [], loads_in_reason: "it is no LoRA" })).toBe(
    "Loads in this studio and in spf-portrait alone: it is no LoRA.",
  );
});

test("nothing is claimed where nothing is known", () => {
  expect(reachInWords({ loads_in: null, loads_in_reason: null })).toBe("");
  expect(purpose("adapter.safetensors", null)).toBe("The adapter.");
});

test("a tool of tomorrow is named as the studio names it", () => {
  expect(reachInWords({ loads_in: ["diffusers", "newtool"], loads_in_reason: null })).toBe("Loads in diffusers and newtool.");
});

test("files for other tools say so when those do not load the adapter", () => {
  expect(purpose("adapter.json", ALL)).toContain("keep it beside adapter.safetensors");
  expect(purpose("adapter.json", ["diffusers"])).toContain("neither loads this adapter");
  expect(purpose("pytorch_lora_weights.safetensors", ALL)).toContain("diffusers and InvokeAI");
  expect(purpose("pytorch_lora_weights.safetensors", ["diffusers"])).not.toContain("InvokeAI");
});

test("every file of an export has its line", () => {
  const files = ["adapter.safetensors", "pytorch_lora_weights.safetensors", "adapter.json", "adapter.png", "report.json", "loss.jsonl"];
  const lines = files.map((file) => purpose(file, ALL));
  expect(new Set(lines).size).toBe(files.length);
  expect(lines.every((line) => line.endsWith("."))).toBe(true);
  expect(purpose("something.else", ALL)).toBe("");
});
