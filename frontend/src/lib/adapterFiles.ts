/** Which tools load an adapter, and what each of its files is for. */
import type { Adapter } from "../api/types";
import { inWords } from "./wording";

export const TOOL_NAMES: Readonly<Record<string, string>> = {
  diffusers: "diffusers",
  comfyui: "ComfyUI",
  a1111: "AUTOMATIC1111",
  invokeai: "InvokeAI",
};

export const MAIN_FILE = "adapter.safetensors";
export const COVER = "adapter.png";

type Tools = Adapter["loads_in"];

function named(tools: readonly string[]): string {
  return inWords(tools.map((tool) => TOOL_NAMES[tool] ?? tool));
}

/** One sentence; empty where nothing is known, as for adapters that are older than the knowledge. */
export function reachInWords(adapter: Pick<Adapter, "loads_in" | "loads_in_reason">): string {
  const { loads_in: tools, loads_in_reason: reason } = adapter;
  if (tools === null) return "";
  const why = reason ? `: ${reason}` : "";
  if (tools.length === 0) return `Loads in this studio and in spf-portrait alone${why}.`;
  return `Loads in ${named(tools)}${reason ? ` only${why}` : ""}.`;
}

/** One line for a file of an adapter. */
export function purpose(file: string, tools: Tools): string {
  const isRead = tools === null || tools.includes("a1111") || tools.includes("invokeai");
  const beside = isRead ? `keep it beside ${MAIN_FILE}` : "neither loads this adapter";
  switch (file) {
    case MAIN_FILE:
      if (tools === null) return "The adapter.";
      return tools.length ? `The adapter in one file, for ${named(tools)}.` : "The adapter, for this studio and spf-portrait alone.";
    case "pytorch_lora_weights.safetensors":
      return `The same adapter in diffusers’ own names, for diffusers${tools?.includes("invokeai") ? " and InvokeAI" : ""}: into a folder of its own.`;
    case "adapter.json":
      return `The phrase and a description, as AUTOMATIC1111 and InvokeAI show them; ${beside}.`;
    case COVER:
      return `The cover, as AUTOMATIC1111 and InvokeAI show it; ${beside}.`;
    case "report.json":
      return "For the record: settings, libraries, last losses, and which tools load the adapter.";
    case "loss.jsonl":
      return "For the record: the losses of every step, and every validation.";
    default:
      return "";
  }
}
