/** Send files with a progress report, which `fetch` cannot give. */
import { Problem } from "./problem";
import { noteStatus } from "./signedOut";
import type { Dataset } from "./types";

const UPLOAD_PATH = "/api/v1/datasets";

export interface Upload {
  name: string;
  files: readonly { name: string; file: File }[];
  /** The phrase to be learnt, for captions that mark none; "" if they all do. */
  target: string;
  /** Makes an upload that is sent again, because its answer was lost, one set and not two. */
  key: string;
}

export function uploadCaptionSet(set: Upload, onProgress: (fraction: number) => void): Promise<Dataset> {
  const form = new FormData();
  form.set("name", set.name);
  if (set.target) form.set("target", set.target);
  for (const { name, file } of set.files) form.append("files", file, name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", UPLOAD_PATH);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", set.key);
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(Problem.unreachable());
    request.onload = () => {
      noteStatus(request.status);
      if (request.status < 300) resolve(JSON.parse(request.responseText) as Dataset);
      else reject(Problem.read(request.status, request.responseText));
    };
    request.send(form);
  });
}
